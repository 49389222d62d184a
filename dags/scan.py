"""The scan: inspect and classify each store, propose data maps, refresh the index of mail and calendars."""

from __future__ import annotations

import datetime as dt

from airflow.sdk import dag, task


@dag(
    schedule="0 1 * * 0",
    start_date=dt.datetime(2015, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "show_return_value_in_logs": False},
    tags=["ardoise"],
    doc_md=__doc__,
)
def scan() -> None:
    @task
    def stores() -> list[str]:
        from dags.tasks import all_stores

        return all_stores()

    @task(map_index_template="{{ store }}")
    def inspect(store: str) -> dict[str, int]:
        from dags.tasks import scan_store

        return scan_store(store)

    inspect.expand(store=stores())


scan()
