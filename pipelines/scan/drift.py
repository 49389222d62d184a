"""What has come into a mapped table since a person approved its mapping: columns that nobody has decided about.

A verdict is held against the one that was in force when the mapping was approved: what a person has seen and settled is
no drift, whatever the scan thinks of it. Approving the dataset anew settles what there is.
"""

from __future__ import annotations

import datetime as dt
import enum
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.classify.verdict import ColumnVerdict, Verdict
from pipelines.data_map.approved import approval_times
from pipelines.data_map.model import NOT_PERSONAL, DatasetMap
from pipelines.engine.verdicts import GONE, History, Judged, Said
from pipelines.scan.coverage import accounted_for

if TYPE_CHECKING:
    from connectors.base import DatasetShape
    from pipelines.engine.database import EngineDatabase
    from retention_rules.policy import Policy


_TURNS = 3
"""How many changes of mind are told."""


class Drift(enum.StrEnum):
    """Why nobody has decided about a column."""

    UNMAPPED = "holds personal data and is not in the data map"
    UNSEEN = "is new, and no scan has looked at it"
    CHANGED = "has come to hold other personal data since it was approved"


@dataclass(frozen=True, order=True, slots=True)
class Drifted:
    """One such column; ``category`` is what it seems to hold, empty where nobody has looked."""

    field: str
    drift: Drift
    category: str = ""

    def __str__(self) -> str:
        """`telephone` (user.contact.phone_number) holds personal data and is not in the data map."""
        return f"`{self.field}`{f' ({self.category})' if self.category else ''} {self.drift.value}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What scans have said so far, and when each dataset was approved last."""

    history: History = field(default_factory=dict)
    approved: Mapping[tuple[str, str], dt.datetime] = field(default_factory=dict)

    def known(self, store: str, location: str) -> bool:
        """Whether a scan has ever looked at a location."""
        return (store, location) in self.history

    def drifted(
        self,
        store: str,
        name: str,
        dataset: DatasetMap,
        policy: Policy,
        shape: DatasetShape | None = None,
        location: str = "",
    ) -> tuple[Drifted, ...]:
        """The columns of a mapped table that nobody has decided about; nothing where no scan has ever looked.

        Args:
            store: its store.
            name: the dataset.
            dataset: its mapping.
            policy: the controller's; a change between categories that the same purposes keep is none.
            shape: the table as it is now; without one, as the last scan saw it.
            location: the table as the store names it, where the mapping leaves the schema out.
        """
        place = shape.location if shape else location or dataset.source
        said = self.history.get((store, place), {})
        if not said or not dataset.key:  # messages and meetings have no columns: they are personal by what they are
            return ()
        names = [each.name for each in shape.fields] if shape else [n for n in said if _last(said[n]).verdict != GONE]
        return tuple(sorted(_drifted(names, dataset, said, self.approved.get((store, name)), policy)))


def coverage_of(engine: EngineDatabase) -> Coverage:
    """What the engine database knows of the columns of all stores."""
    return Coverage(engine.verdicts.history(), approval_times(engine.ledger))


def past(said: Sequence[Said]) -> str:
    """What the scans before the last one that changed its mind said: `not personal until 2026-06-30`."""
    turns = itertools.pairwise(said)
    spoken = (f"{_spoken(before.judged)} until {after.at:%Y-%m-%d}" for before, after in turns)
    return ", ".join(list(spoken)[-_TURNS:])


def _spoken(judged: Judged) -> str:
    return judged.category if judged.verdict == Verdict.PERSONAL.value and judged.category else judged.verdict


def judged(verdict: ColumnVerdict) -> Judged:
    """A verdict as the history keeps it: shares and reasons, no value.

    The first share is that of the values that decided; what else was seen of them does not make the verdict surer.
    """
    share = next((each.share for each in verdict.evidence if each.share is not None), None)
    return Judged(verdict.verdict.value, verdict.category or "", share, tuple(map(str, verdict.evidence)))


def _drifted(
    names: Collection[str],
    dataset: DatasetMap,
    said: Mapping[str, Sequence[Said]],
    approved: dt.datetime | None,
    policy: Policy,
) -> Iterator[Drifted]:
    known = accounted_for(dataset)
    for name in names:
        now = _last(said[name]) if name in said else None
        if now is None or now.verdict == GONE:
            if name not in known:
                yield Drifted(name, Drift.UNSEEN)
        elif now.verdict != Verdict.PERSONAL.value:
            continue
        elif name not in known:
            yield Drifted(name, Drift.UNMAPPED, now.category)
        elif name in dataset.fields and approved is not None:
            before = _in_force(said[name], approved)
            mapped = dataset.fields[name].category
            if before is not None and not before.same(now) and _matters(mapped, now.category, policy):
                yield Drifted(name, Drift.CHANGED, now.category)


def _last(said: Sequence[Said]) -> Judged:
    return said[-1].judged


def _in_force(said: Sequence[Said], at: dt.datetime) -> Judged | None:
    """What the last scan before a time had said; None where there had been none."""
    before = [each.judged for each in said if each.at <= at]
    return before[-1] if before else None


def _matters(mapped: str, found: str, policy: Policy) -> bool:
    """Whether some purpose keeps what is found, and not what the mapping says that the column holds."""
    if mapped == NOT_PERSONAL:
        return True
    keeps = {purpose.name for purpose in policy.purposes_for(mapped)}
    return any(purpose.name not in keeps for purpose in policy.purposes_for(found))
