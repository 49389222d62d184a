"""What a run keeps of what rows told of persons, in the transaction that destroys the rows or their links.

Records of the same persons in other datasets and stores still depend on it. What is kept is what evidence would have
been gathered: keyed digests, strong and weak, events, days; only of events that are asked for elsewhere, and of days
that may still matter. Of what was open then, nobody will be told when it ends: it is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.sql.act import Before
from connectors.sql.freezing import Frozen
from connectors.sql.lines import Restriction, key_among
from connectors.sql.told import keeping_told
from pipelines.data_map.model import DatasetMap, Parent
from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.artefact import Action, Step
from pipelines.plan.awaited import waits
from pipelines.plan.carried import Carried, Datasets, any_of
from pipelines.plan.context import Context
from pipelines.plan.expressions import Expression, constant, day_constant
from pipelines.plan.links import ONE_ADDRESS, LinkForm, forms
from pipelines.plan.mattering import lasting, mattering
from pipelines.plan.remembered import below
from pipelines.plan.selection import Selection
from pipelines.plan.supply import subject_events
from pipelines.plan.transfer import as_day
from pipelines.plan.unread import told_in_cells

Path = tuple[Parent, ...]
"""How a dataset inherits from another: from the one to the other."""


def kept_telling(selection: Selection, step: Step, columns: Mapping[str, Sequence[str]]) -> tuple[Before, ...]:
    """What a chunk of a step over active rows does before: nothing, unless what it destroys tells of persons.

    ``columns``: those that it overwrites, by category.
    """
    telling = _Telling(selection, step, frozenset(name for names in columns.values() for name in names))
    journal = selection.store.datasets.journal
    if journal is None or not telling.sources:
        return ()
    return (keeping_told(journal, selection.map.controller, telling.select, telling.read),)


def kept_telling_of_archive(archived: ArchivedSelection, datasets: Datasets, step: Step) -> tuple[Before, ...]:
    """The same of arrivals that leave the archive: those that stay go on telling."""
    context, journal = archived.context, datasets.journal
    bounds = _bounds(context, archived.store, frozenset({archived.name}))
    told = {event: bounds[event] for event in archived.shape.told if event in bounds}
    if journal is None or not told or not step.takes_rows:
        return ()

    def select(frozen: Frozen) -> sa.Select[tuple[object, ...]]:
        carried = archived.carried(frozen.within)
        return _grouped(_occurrences(archived.name, carried, tuple(carried.links), told, context))

    return (keeping_told(journal, context.controller, select),)


@dataclass(frozen=True, slots=True)
class _Source:
    """A dataset whose rows tell something, how they lead to the rows of the chunk, and the links by which they tell."""

    dataset: str
    path: Path
    labels: tuple[str, ...]
    bounds: Mapping[str, dt.date]


@dataclass(frozen=True)
class _Telling:
    """What the rows of a step tell of persons, themselves and through what inherits its persons from them."""

    selection: Selection
    step: Step
    columns: frozenset[str]

    @cached_property
    def sources(self) -> list[_Source]:
        """Whoever will not tell it any more."""
        store, name = self.selection.store, self.selection.name
        store_map = store.context.maps[store.store]
        heirs = below(store_map, name)
        own = frozenset({name}) if self.step.takes_rows else heirs
        bounds = _bounds(store.context, store.store, own)
        found: list[_Source] = []
        for each in sorted(heirs & set(store.context.active(store.store))):
            dataset = store_map.datasets[each]
            events = {
                event: bounds[event] for event in subject_events(dataset, store.context.policy) if event in bounds
            }
            if events:
                found += (_Source(each, path, labels, events) for path, labels in self._going(each))
        return found

    def _going(self, name: str) -> list[tuple[Path, tuple[str, ...]]]:
        """The digests of a dataset that will be gone, by the path that leads to the rows of the chunk."""
        found: dict[tuple[int, ...], tuple[Path, list[str]]] = {}
        datasets = self.selection.store.datasets
        for number, (path, form) in enumerate(_origins(datasets, name)):
            for length in range(len(path) + 1):
                numbers, parents = tuple(n for n, _ in path[:length]), tuple(parent for _, parent in path[:length])
                place = parents[-1].dataset if parents else name
                above = path[length][1] if length < len(path) else None
                if place == self.selection.name:
                    if self._goes(name, above, form):
                        found.setdefault(numbers, (parents, []))[1].append(f"l{number}")
                    break
        return [(parents, tuple(labels)) for parents, labels in found.values()]

    def _goes(self, name: str, above: Parent | None, form: LinkForm) -> bool:
        """Whether a link that the rows of the chunk have, or have from ``above``, is destroyed."""
        itself = name == self.selection.name
        if self.step.takes_rows:  # what moves to the archive as a whole goes on telling there
            return not (itself and self.step.action is Action.ARCHIVE)
        link = set(form.columns) if above is None else set(above.on)
        if itself and self.step.action is Action.ARCHIVE:
            return False
        return bool(self.columns & (link | (_telling_columns(self.selection.map) if itself else set())))

    def select(self, frozen: Frozen) -> sa.Select[tuple[object, ...]]:
        """One row for each dataset, kind of key, digest and event."""
        store = self.selection.store
        parts: list[sa.Select[tuple[object, ...]]] = []
        for each in self.sources:
            restriction = _leading(store.datasets, each.path, frozen.within)
            carried = store.datasets.carried(each.dataset, restriction=restriction, events=frozenset(each.bounds))
            parts += _occurrences(each.dataset, carried, each.labels, each.bounds, store.context)
        return _grouped(parts)

    def read(self, frozen: Frozen) -> Iterator[dict[str, Any]]:
        """The same of rows whose cells name several persons, or one in words around the address."""
        store = self.selection.store
        horizon = store.context.horizons[-1].name
        for each in self.sources:
            restriction = _leading(store.datasets, each.path, frozen.within)
            for pair, told in told_in_cells(store.datasets, each.dataset, frozenset(each.bounds), restriction):
                for event, bound in each.bounds.items():
                    is_open, missing, first, last = told[horizon, event]
                    first, last = as_day(first), as_day(last)
                    if not (is_open or missing or last is not None):
                        continue
                    matters = is_open or missing or (last is not None and last > bound)
                    for key, digest in zip(ONE_ADDRESS, pair, strict=True):
                        if digest is not None and (matters or self._waits(digest)):
                            yield {
                                "dataset": each.dataset, "kind": key.name, "digest": digest, "event": event,
                                "missing": bool(is_open or missing), "first_day": first, "last_day": last,
                            }  # fmt: skip

    def _waits(self, digest: str) -> bool:
        store = self.selection.store
        asked = sa.select(waits(store.context, sa.literal(digest, sa.String)))
        return bool(store.connection.execute(asked).scalar_one())


def _bounds(context: Context, store: str, own: frozenset[str]) -> dict[str, dt.date]:
    found = mattering(context, store, own)
    return dict.fromkeys(found, dt.date.min) if lasting(context) else found


def _origins(datasets: Datasets, name: str) -> Iterator[tuple[tuple[tuple[int, Parent], ...], LinkForm]]:
    """Where each digest of a relation comes from, in the order of `Carried.links`."""
    dataset = datasets.map(name)
    for form in forms(dataset.subjects):
        yield (), form
    for number, parent in enumerate(dataset.inherits):
        if datasets.single(parent):
            for path, form in _origins(datasets, parent.dataset):
                yield ((number, parent), *path), form


def _telling_columns(dataset: DatasetMap) -> set[str]:
    """The columns that say what happened: overwritten, they say something else."""
    sources = [each for event in dataset.events.values() for each in (event, event.only_if, event.open_if)]
    return {*dataset.where, *(each.column for each in sources if each is not None and each.column is not None)}


def _leading(datasets: Datasets, path: Path, within: Restriction) -> Restriction:
    """Lets through the rows of a dataset that lead to the rows of a chunk."""
    if not path:
        return within
    first, rest = path[0], _leading(datasets, path[1:], within)

    def among(rows: sa.FromClause) -> Expression:
        above = datasets.table(datasets.map(first.dataset).source).alias()
        theirs = sa.select(*(above.c[target].label(own) for own, target in first.on.items())).where(rest(above))
        return key_among(rows, list(first.on), theirs)

    return among


def _occurrences(
    name: str, carried: Carried, labels: Sequence[str], bounds: Mapping[str, dt.date], context: Context
) -> list[sa.Select[tuple[object, ...]]]:
    """What rows of a dataset tell that may still matter: one row for each of them, link and event."""
    horizon, rows = context.horizons[-1].name, carried.relation
    parts = []
    for label in labels:
        for event, bound in sorted(bounds.items()):
            names = carried.supplied[horizon, event]
            missing = sa.or_(rows.c[names.open], rows.c[names.missing])
            matters = sa.or_(missing, rows.c[names.last] > day_constant(bound), waits(context, rows.c[label]))
            parts.append(
                sa.select(
                    sa.literal(name, sa.String).label("dataset"),
                    sa.literal(carried.links[label].name, sa.String).label("kind"),
                    rows.c[label].label("digest"),
                    sa.literal(event, sa.String).label("event"),
                    sa.case((missing, constant(1)), else_=constant(0)).label("missing"),
                    rows.c[names.first].label("first_day"),
                    rows.c[names.last].label("last_day"),
                ).where(rows.c.inside, rows.c[label].is_not(None), matters)
            )
    return parts


def _grouped(parts: Sequence[sa.Select[tuple[object, ...]]]) -> sa.Select[tuple[object, ...]]:
    """Bring together what several rows, or links of them, tell of the same person."""
    told = sa.union_all(*parts).subquery()
    place = [told.c[each] for each in ("dataset", "kind", "digest", "event")]
    missing = any_of(told.c.missing == constant(1)).label("missing")
    days = (sa.func.min(told.c.first_day).label("first_day"), sa.func.max(told.c.last_day).label("last_day"))
    return sa.select(*place, missing, *days).group_by(*place)
