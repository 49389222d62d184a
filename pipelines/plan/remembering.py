"""What a run keeps of the subjects of records whose link it overwrites, in the transaction that does so.

Of the events on which purposes of the record or of what inherits from it depend, the state and the days that the links
which go have told: the same evidence that decided. Days and states only; no digest, and nothing that leads to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from connectors.sql.act import Before
from connectors.sql.freezing import Frozen
from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from connectors.sql.remembered import DAYS, remembering
from pipelines.plan.carried import Carried
from pipelines.plan.dialects import nothing
from pipelines.plan.expressions import Expression, constant, extreme, layer, truth
from pipelines.plan.joining import Joining
from pipelines.plan.links import forms
from pipelines.plan.remembered import events_below, fields_of
from pipelines.plan.selection import Selection
from pipelines.plan.tables import column


def kept_days(selection: Selection, columns: Mapping[str, Sequence[str]]) -> tuple[Before, ...]:
    """What a chunk does before it overwrites ``columns`` (by category): nothing, unless a link is among them."""
    keeping = _Keeping(selection, frozenset(name for names in columns.values() for name in names))
    journal, fields = selection.store.datasets.journal, fields_of(selection.map)
    if journal is None or not keeping.labels:
        return ()
    days = keeping.days if keeping.events else None
    return (remembering(journal, fields, keeping.anonymous(journal, fields), days),)


@dataclass(frozen=True)
class _Keeping:
    """The days that the links in some columns of a dataset tell."""

    selection: Selection
    columns: frozenset[str]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The digests that will be gone; a relation has those of its own links first."""
        links = forms(self.selection.map.subjects)
        return tuple(f"l{number}" for number, form in enumerate(links) if self.columns & set(form.columns))

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The events that are worth knowing."""
        store = self.selection.store
        asked = events_below(store.datasets.store_map, store.context.policy, self.selection.name)
        return tuple(sorted(asked & store.datasets.told))

    def anonymous(self, journal: Journal, fields: Mapping[str, Sequence[str]]) -> Expression:
        """Whether a link of a row was overwritten already, and nothing was written to the row since."""
        table, key, name = self.selection.table, self.selection.map.key, self.selection.name
        linking = {each for form in forms(self.selection.map.subjects) for each in form.columns}
        gone = (
            journal.marks.standing(table, key, name, category, columns)
            for category, columns in fields.items()
            if linking & set(columns)
        )
        return sa.and_(sa.or_(sa.false(), *gone), sa.not_(journal.marks.broken(table, key, name, fields)))

    def days(self, frozen: Frozen) -> sa.Select[tuple[object, ...]]:
        """One row for each record of a chunk and each event."""
        known = self._known(frozen)
        numbers = (
            sa.select(constant(number).label("number"), sa.literal(event, sa.String).label("event"))
            for number, event in enumerate(self.events)
        )
        which = sa.union_all(*numbers).subquery()

        def of_event(part: str) -> Expression:
            cases = [(which.c.number == constant(n), known.c[f"e{n}_{part}"]) for n in range(len(self.events))]
            return sa.case(*cases)

        columns = [of_event(part).label(part) for part in DAYS]
        return sa.select(known.c.record, which.c.event, *columns).select_from(known.join(which, sa.true()))

    def _known(self, frozen: Frozen) -> sa.CTE:
        """One row for each record, the events beside each other."""
        carried = self._carried(frozen)
        store = self.selection.store
        joining = Joining(
            context=store.context,
            carried=carried,
            tables=store.tables,
            incomplete=store.incomplete,
            asked=frozenset(self.events),
            covers={},
            fenced=store.datasets.fenced,
        )
        source, joined = joining.with_evidence(self.labels)
        horizon, none = store.context.horizons[-1], sa.false()
        columns: dict[str, Expression] = {
            "record": record_key(carried.relation.c[column(each)] for each in self.selection.map.key)
        }
        for number, event in enumerate(self.events):
            told = joining.told(horizon, event, joined)
            parts = {
                "open": truth(sa.or_(none, *told.open)),
                "missing": truth(sa.or_(none, *told.missing)),
                "first_day": _extreme(told.first, latest=False),
                "last_day": _extreme(told.last, latest=True),
                "doubt_open": truth(sa.or_(none, *(doubtful for doubtful, _ in told.doubts))),
                "doubt_day": _extreme([day for _, day in told.doubts], latest=True),
            }
            columns |= {f"e{number}_{part}": parts[part] for part in DAYS}
        query = sa.select(*(value.label(name) for name, value in columns.items())).select_from(source)
        return layer(query, fenced=store.datasets.fenced)

    def _carried(self, frozen: Frozen) -> Carried:
        name = self.selection.name
        return self.selection.store.datasets.carried(name, restriction=frozen.within, events=frozenset(self.events))


def _extreme(days: Sequence[Expression], *, latest: bool) -> Expression:
    return extreme(days, latest=latest) if days else nothing(sa.Date())
