"""The review as one HTML file: what the scan says of every field, and why. Names, shares and shapes; never a value."""

from __future__ import annotations

from collections import Counter

from pipelines.classify.verdict import Verdict
from pipelines.report.render import page
from pipelines.scan.review import ReviewDataset, ReviewTable
from retention_rules.policy_table import Language


def render(review: ReviewTable, estate: str, language: Language = Language.ENGLISH) -> str:
    """Self-contained: no external request, light and dark, printable."""
    counted = Counter(row.verdict for row in review.rows)
    view = {
        "estate": estate,
        "datasets": sorted(review.datasets, key=_waiting),
        "open": len(review.open),
        "counted": {verdict.name: counted[verdict.value] for verdict in Verdict},
        "badges": {verdict.value: verdict.name.lower() for verdict in Verdict},
        "categories": sorted(Counter(row.proposed for row in review.rows if _personal(row.verdict)).items()),
    }
    return page("review.html.j2", view, language)


def _personal(verdict: str) -> bool:
    return verdict == Verdict.PERSONAL.value


def _waiting(dataset: ReviewDataset) -> tuple[bool, bool]:
    """What waits for an approval and holds something personal comes first."""
    return dataset.approved, not any(_personal(row.verdict) for row in dataset.rows)
