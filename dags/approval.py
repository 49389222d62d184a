"""The approval step: the engine's own ledger decides, Airflow's human-in-the-loop form is one way to write into it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from dags.endings import spoken
from dags.estate import load_estate, now
from dags.tasks import actor, opened

ATTENDED = "manual"
IN_PROCESS = "dag_test"
"""The user in whose name `dag.test()` runs: nobody can answer there."""

VALID = dt.timedelta(hours=24)
"""How long an approval given in the UI counts."""


class LedgerApproval(ApprovalOperator):
    """Passes at once when the ledger already authorises the plan; asks when a person is there; otherwise fails.

    Marking this task successful in the UI changes nothing: `apply` reads the ledger, not the task's state. Scheduled
    runs and backfills have nobody to ask, so without a standing approval they end red with nothing written. A plan
    in which nothing is due needs no approval.

    Args:
        plan_digest: the plan's digest, usually the planning task's result.
        kwargs: as for `ApprovalOperator`.
    """

    template_fields = (*ApprovalOperator.template_fields, "plan_digest")

    def __init__(self, *, plan_digest: str, **kwargs: Any) -> None:
        super().__init__(subject="Ardoise: approve a plan", defaults=self.REJECT, fail_on_reject=True, **kwargs)
        self.plan_digest = plan_digest

    def execute(self, context: Context) -> Any:
        """Read the ledger, and wait for a person only when there is one."""
        from pipelines.errors import NotApproved

        run = context["dag_run"]
        with spoken():
            estate = load_estate()
            with opened(estate) as engine:
                plan = engine.plans.load(self.plan_digest)
                if not plan.steps:
                    return "nothing is due"
                try:
                    found = engine.approvals.authorise(plan, now=now())
                except NotApproved as refusal:
                    if run.run_type != ATTENDED or run.triggering_user_name == IN_PROCESS:
                        raise AirflowFailException(str(refusal)) from None
                else:
                    return f"ledger entry {found.entry}"
        self.subject = f"Ardoise: approve plan {plan.digest[:12]} of {plan.controller} as of {plan.as_of}"
        self.body = question_of(plan)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write a person's approval into the ledger; a rejection, or nobody's answer, fails the run."""
        super().execute_complete(context, event)
        person = event["responded_by_user"]
        if person is None:
            raise AirflowFailException("nobody answered: the plan is not approved, and nothing was written")
        with spoken():
            estate = load_estate()
            given = now()
            by = actor(estate, person["id"], ATTENDED)
            with opened(estate) as engine:
                entry = engine.approvals.approve(self.plan_digest, by=by, at=given, expires=given + VALID)
        return f"ledger entry {entry.sequence}"


def question_of(plan: Any) -> str:
    """What a person has to know before approving, in Markdown: counts and dates, and what the plan remarks."""
    rows = [
        f"| {step.store}.{step.dataset} | {step.action} | {step.count} | {step.first_due} | {step.last_due} |"
        for step in plan.steps
    ]
    return "\n".join(
        [
            "| Dataset | Action | Records | First due | Last due |",
            "|---|---|--:|---|---|",
            *rows,
            "",
            *(f"- {each}" for each in plan.warnings),
            "",
            f"More: `ardoise show {plan.digest[:12]}`. Approval destroys personal data for good.",
        ]
    )
