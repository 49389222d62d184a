"""The retention run: refresh → plan → approve → apply, store by store → verify → report.

Scheduled daily; started by hand or backfilled from the UI for a past date. A run that nobody attends applies under a
standing approval alone. Runs may meet: each dataset is locked while one acts on it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import Param, dag, task

from dags import tasks
from dags.approval import LedgerApproval

TEXT = ["null", "string"]
LATE = "none_failed"  # a wave of stores may be empty, and is skipped then


@dag(
    schedule="15 2 * * *",
    start_date=dt.datetime(2015, 1, 1, tzinfo=dt.UTC),  # years back: a manual run dated before it would do nothing
    catchup=False,
    max_active_runs=4,  # a run that waits for a person must not keep the next one from planning
    default_args={"retries": 3, "retry_delay": dt.timedelta(minutes=1), "show_return_value_in_logs": False},
    params={
        "as_of": Param(None, type=TEXT, format="date", title="As-of date", description="Empty: the run's own date"),
        "controller": Param(None, type=TEXT, title="Controller", description="Empty: the estate's only one"),
    },
    tags=["ardoise"],
    doc_md=__doc__,
)
def retention() -> None:
    """Lay out the run."""
    digest: Any = task(task_id="plan")(tasks.make_plan)()
    stores, apply = task(tasks.stores_of), task(map_index_template="{{ store }}")(tasks.apply_store)
    approval = LedgerApproval(task_id="approve", plan_digest=digest, retries=0, response_timeout=dt.timedelta(hours=20))
    first = stores.override(task_id="stores")(digest, last=False)
    applied = apply.override(task_id="apply").partial(digest=digest).expand(store=first)
    anchors = stores.override(task_id="anchor_stores", trigger_rule=LATE)(digest, last=True)
    anchored = apply.override(task_id="apply_anchor", trigger_rule=LATE).partial(digest=digest).expand(store=anchors)
    verified = task(trigger_rule=LATE)(tasks.verify)(digest)
    task(tasks.refresh)() >> digest >> approval >> first >> applied >> anchors
    anchored >> verified >> task(trigger_rule=LATE)(tasks.report)(digest)


retention()
