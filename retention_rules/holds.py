"""Legal holds: a case suspends the end action for what it covers, and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold of one case over the record under decision, from ``since`` until the day of release.

    ``categories`` is empty when the hold covers every category that may be held. ``until`` is the day of release:
    from that day on the hold no longer keeps, and what it kept is due from the release or from its own date, if later.
    """

    case: str
    since: dt.date
    until: dt.date | None = None
    categories: frozenset[str] = frozenset()
