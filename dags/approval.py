"""The approval step: the engine's own ledger decides, Airflow's human-in-the-loop form is one way to write into it."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

ATTENDED = "manual"


class LedgerApproval(ApprovalOperator):
    """Passes at once when the ledger already authorises the plan; asks when a person is there; otherwise fails.

    Marking this task successful in the UI changes nothing: `apply` reads the ledger, not the task's state. Scheduled
    runs and backfills have nobody to ask, so without a standing approval they end red with nothing written.

    Args:
        plan_digest: the plan's digest, usually the planning task's result.
        kwargs: as for `ApprovalOperator`.
    """

    template_fields = (*ApprovalOperator.template_fields, "plan_digest")

    def __init__(self, *, plan_digest: str, **kwargs: Any) -> None:
        super().__init__(
            subject="Ardoise: approve plan {{ ti.xcom_pull('plan') }}",
            body="Read it first: `ardoise show {{ ti.xcom_pull('plan') }}`. Approval deletes people's data for good.",
            defaults=self.REJECT,
            fail_on_reject=True,
            **kwargs,
        )
        self.plan_digest = plan_digest

    def execute(self, context: Context) -> Any:
        """Read the ledger, and wait for a person only when there is one."""
        from pipelines.approval import NotApproved, authorise

        from dags.estate import load_estate, now

        run = context["dag_run"]
        try:
            return authorise(
                load_estate(), self.plan_digest, now=now(), requested_by=run.triggering_user_name
            ).reference
        except NotApproved as refusal:
            if run.run_type != ATTENDED:
                raise AirflowFailException(str(refusal)) from None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write a person's approval into the ledger; a rejection fails the run."""
        from pipelines.approval import approve

        from dags.estate import load_estate

        answer = super().execute_complete(context, event)
        person = answer["responded_by_user"]
        approve(load_estate(), self.plan_digest, by=f"airflow:{person['id']}", now=answer["responded_at"])
        return None
