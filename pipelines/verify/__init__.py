"""Verification: proves the outcome of a run over connections of its own, with Great Expectations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.progress import Progress, silent

if TYPE_CHECKING:
    from expectations.findings import Finding
    from pipelines.engine.database import EngineDatabase
    from pipelines.estate import Estate

CANARIES = "ARDOISE_CANARIES"
"""Environment variable: a JSON file, readable by its owner alone: `values` to look for, `folders` to look in."""


def verify(
    estate: Estate, plan_digest: str, *, now: dt.datetime, today: dt.date, progress: Progress = silent
) -> list[Finding]:
    """Run every expectation about a plan's outcome, keep the findings; see `pipelines.verify.run.verify`."""
    from pipelines.verify import run

    return run.verify(estate, plan_digest, now=now, today=today, progress=progress)


def stored_findings(engine: EngineDatabase, plan_digest: str) -> Sequence[Finding]:
    """The findings of a plan that were kept: from before its run first, then from its last verification."""
    from expectations.findings import Finding

    return [Finding.from_document(found) for found in engine.findings.of(plan_digest)]
