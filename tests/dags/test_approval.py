"""What a person is asked who is to approve a plan in Airflow."""

from __future__ import annotations

from dataclasses import replace

from report_samples import ordinary

from dags.approval import question_of


def test_what_a_plan_remarks_is_asked_with_its_counts() -> None:
    remark = "crm.proofs: 3 rows will lead to anonymised records of contacts. Map it, with `anonymity` and its `link`"
    plan = replace(ordinary().plan, warnings=(remark,))
    body = question_of(plan)
    assert f"\n- {remark}\n" in body
    step = plan.steps[0]
    assert f"| {step.store}.{step.dataset} | {step.action} | {step.count} |" in body
