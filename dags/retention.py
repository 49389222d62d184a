"""The retention run: plan → approve → apply, store by store → verify → report.

Scheduled daily; started by hand or backfilled from the UI for a past date. Only digests, names and counts cross tasks.
"""

from __future__ import annotations

import datetime as dt

from airflow.sdk import Param, dag, get_current_context, task

from dags.approval import LedgerApproval


@dag(
    schedule="15 2 * * *",
    start_date=dt.datetime(2015, 1, 1, tzinfo=dt.UTC),  # years back: a manual run dated before it would do nothing
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "show_return_value_in_logs": False},
    params={
        "as_of": Param(
            None, type=["null", "string"], format="date", title="As-of date", description="Empty: the run's own date"
        ),
        "controller": Param(
            None, type=["null", "string"], title="Controller", description="Empty: the estate's only one"
        ),
    },
    tags=["ardoise"],
    doc_md=__doc__,
)
def retention() -> None:
    @task
    def plan() -> str:
        from dags.tasks import make_plan

        return make_plan(get_current_context())

    @task
    def stores(digest: str, *, last: bool) -> list[str]:
        from dags.tasks import stores_of

        return stores_of(digest, last=last)

    @task(map_index_template="{{ store }}")
    def apply(store: str, digest: str) -> dict[str, int]:
        from dags.tasks import apply_store

        return apply_store(get_current_context(), digest, store)

    @task(trigger_rule="none_failed")
    def verify(digest: str) -> dict[str, int]:
        from dags.tasks import verify_plan

        return verify_plan(digest)

    @task(trigger_rule="none_failed")
    def report(digest: str) -> str:
        from dags.tasks import report_plan

        return report_plan(digest)

    digest = plan()
    approval = LedgerApproval(task_id="approve", plan_digest=digest, response_timeout=dt.timedelta(hours=20))
    first = stores.override(task_id="stores")(digest, last=False)
    anchor = stores.override(task_id="anchor_stores", trigger_rule="none_failed")(digest, last=True)
    applied = apply.partial(digest=digest).expand(store=first)
    anchored = (
        apply.override(task_id="apply_anchor", trigger_rule="none_failed").partial(digest=digest).expand(store=anchor)
    )
    approval >> first >> applied >> anchor >> anchored >> verify(digest) >> report(digest)


retention()
