"""What `decide` says of one category of one record: exactly one of five decisions, each with its reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from retention_rules.purposes import EndAction


@dataclass(frozen=True, slots=True)
class Keep:
    """A purpose other than law or legal claim lives: the field stays in the active base.

    ``until`` is the last day on which it is kept, or ``None`` while an event is open.
    """

    until: dt.date | None
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """Only law or legal claims keep the field: intermediate archive. ``until`` is ``None`` when open or unknown.

    ``since`` is the first day on which no other purpose kept it.
    """

    since: dt.date | None
    until: dt.date | None
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """No purpose keeps the field any more. ``since`` is the first day on which the engine may act."""

    since: dt.date
    purposes: tuple[str, ...]
    action: EndAction


@dataclass(frozen=True, slots=True)
class Held:
    """Due, but for the legal holds of these cases. ``since`` is the day from which only the hold keeps it."""

    since: dt.date
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undetermined:
    """A needed date or fact is missing, or no purpose ever matched (``missing`` is then empty). Never acted on."""

    missing: tuple[str, ...]


Decision = Keep | Archive | Due | Held | Undetermined
