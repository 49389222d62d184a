"""The scan: inspect and classify each store, propose data maps, refresh the index of mail and calendars."""

from __future__ import annotations

import datetime as dt

from airflow.sdk import dag, task

from dags import tasks


@dag(
    schedule="0 1 * * 0",
    start_date=dt.datetime(2015, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": dt.timedelta(minutes=1), "show_return_value_in_logs": False},
    tags=["ardoise"],
    doc_md=__doc__,
)
def scan() -> None:
    """Lay out the run."""
    stores = task(task_id="stores")(tasks.all_stores)()
    task(task_id="inspect", map_index_template="{{ store }}")(tasks.scan_store).expand(store=stores)


scan()
