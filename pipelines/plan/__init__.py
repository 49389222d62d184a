"""From purposes and a data map to a plan: what is due, counted in the stores themselves, and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pipelines.progress import Progress, silent

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from pipelines.plan.artefact import Plan


def make_plan(
    estate: Estate,
    controller: str,
    *,
    as_of: dt.date,
    today: dt.date,
    now: dt.datetime,
    by: str | None = None,
    staged: bool = False,
    progress: Progress = silent,
) -> Plan:
    """Make, store and return the plan of one controller for one as-of date; see `pipelines.plan.build.make_plan`."""
    from pipelines.plan import build

    return build.make_plan(
        estate, controller, as_of=as_of, today=today, now=now, by=by, staged=staged, progress=progress
    )
