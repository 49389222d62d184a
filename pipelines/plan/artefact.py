"""The plan: an immutable artefact with a digest, free of personal values, that explain and apply both read."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from connectors.sql.strategy import Strategy


class Action(enum.StrEnum):
    """What a step does to its records."""

    DELETE = "delete"
    ANONYMISE = "anonymise"
    REDACT = "redact"
    ARCHIVE = "archive"


class Place(enum.StrEnum):
    """Where records are: in the active base, or in the store's intermediate archive."""

    ACTIVE = "active"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Tally:
    """How the records of one dataset stand in one category on the as-of date; the parts sum up to ``found``.

    ``done`` counts records whose category an earlier run has anonymised. ``archived`` are those that only law and
    claims keep: in the archive, where ``place`` says so, else those that have not moved there.
    """

    store: str
    dataset: str
    category: str
    found: int = 0
    kept: int = 0
    archived: int = 0
    due: int = 0
    held: int = 0
    undetermined: int = 0
    done: int = 0
    place: Place = Place.ACTIVE


@dataclass(frozen=True, slots=True)
class Declined:
    """A way of carrying out a step that was not chosen, and why."""

    strategy: Strategy
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One action on the due records of one dataset.

    ``categories`` and ``fields`` are what the action touches; ``purposes`` the purposes that last kept the records,
    with how many records each; ``order`` sorts the steps of a store so that children go before parents. ``blocked``
    names the dataset whose living records keep due ones from deletion, with how many. ``suppress``: the end action of
    these fields is deletion, in records that stay, so that they are emptied whatever their technique is. ``place``:
    where the records are on which it acts; `Action.ARCHIVE` acts on the active base. ``strategy``: how rows are acted
    on (messages and events, one by one, have none), ``declined`` why not otherwise.
    """

    id: str
    store: str
    dataset: str
    action: Action
    categories: tuple[str, ...]
    fields: tuple[str, ...]
    purposes: tuple[tuple[str, int], ...]
    count: int
    first_due: dt.date
    last_due: dt.date
    order: int
    blocked: tuple[tuple[str, int], ...] = ()
    suppress: bool = False
    place: Place = Place.ACTIVE
    strategy: Strategy | None = None
    declined: tuple[Declined, ...] = ()

    @property
    def takes_rows(self) -> bool:
        """Whether whole records leave the place on which it acts; else fields of records that stay are changed."""
        return self.action is Action.DELETE or (self.action is Action.ARCHIVE and not self.suppress)


@dataclass(frozen=True, slots=True)
class EvidenceNote:
    """What one dataset contributed to an event, or why it could not: then the event is missing everywhere."""

    event: str
    store: str
    dataset: str
    subjects: int
    complete: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the plan must not be applied as it is: a limit, an emptied store, an incomplete scan."""

    store: str
    dataset: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Portion:
    """The oldest of a backlog: what is due since before ``until``, and of what is due since that day its first parts.

    ``part``: how many of the 4096 parts into which a keyed digest divides that day.
    """

    until: dt.date
    part: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done for one controller on one as-of date.

    The digests bind it to what it was made from: policy, data maps, schemas, holds, requests of persons. Two plans over
    the same state are equal, digest included; the time of making is no part of it. ``portion``: its steps are limited
    to the oldest of what is due; the tallies say all that is.
    """

    as_of: dt.date
    controller: str
    policy: str
    policy_digest: str
    data_map_digest: str
    schema_digest: str
    holds_digest: str
    tallies: tuple[Tally, ...]
    steps: tuple[Step, ...]
    evidence: tuple[EvidenceNote, ...]
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    portion: Portion | None = None
    requests_digest: str = ""

    def document(self) -> dict[str, Any]:
        """The plan as JSON types, dates in ISO 8601."""
        document: dict[str, Any] = _plain(asdict(self))
        for step in document["steps"]:  # what says nothing is left out: plans of earlier versions keep their digests
            for name in ("strategy", "declined"):
                if not step[name]:
                    del step[name]
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Plan:
        """The plan that `document` wrote; its digest is the same.

        Raises:
            KeyError, TypeError, ValueError: the document is no plan.
        """
        values = dict(document)
        values["as_of"] = dt.date.fromisoformat(values["as_of"])
        values["tallies"] = tuple(_tally(each) for each in values["tallies"])
        values["steps"] = tuple(_step(each) for each in values["steps"])
        values["evidence"] = tuple(EvidenceNote(**each) for each in values["evidence"])
        values["refusals"] = tuple(Refusal(**each) for each in values["refusals"])
        values["warnings"] = tuple(values["warnings"])
        portion = values.get("portion")
        values["portion"] = portion and Portion(dt.date.fromisoformat(portion["until"]), portion["part"])
        return cls(**values)

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON (RFC 8785) of the plan."""
        return hashlib.sha256(rfc8785.dumps(self.document())).hexdigest()


def _tally(document: Mapping[str, Any]) -> Tally:
    return Tally(**{**document, "place": Place(document.get("place", Place.ACTIVE))})


def _step(document: Mapping[str, Any]) -> Step:
    values = {name: _tuples(value) for name, value in document.items()}
    values["action"] = Action(document["action"])
    values["place"] = Place(document.get("place", Place.ACTIVE))
    values["strategy"] = Strategy(document["strategy"]) if document.get("strategy") else None
    values["declined"] = tuple(
        Declined(Strategy(each["strategy"]), each["reason"]) for each in document.get("declined", ())
    )
    values["first_due"] = dt.date.fromisoformat(document["first_due"])
    values["last_due"] = dt.date.fromisoformat(document["last_due"])
    return Step(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
