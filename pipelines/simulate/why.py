"""Why one record stands as it does: the reference decides on it with its reasons, and the compilation must agree.

The record is found by its key in its store; what is taken from there are days, states and digests, never a value.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connectors.sql.archive import ID
from connectors.sql.engines import speaking_for
from connectors.sql.lines import Restriction
from pipelines.errors import Unavailable, UsageError
from pipelines.estate import Estate
from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.arrivals import DAY, RECORD, links_in
from pipelines.plan.compile import Code
from pipelines.plan.context import Context
from pipelines.plan.context import horizons as plan_horizons
from pipelines.plan.dialects import run
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.selection import Selection
from pipelines.plan.tables import column
from pipelines.records import item_digest, key_columns, record_digest
from pipelines.simulate.explained import Disagreement, Person, Reference, Row, code_of, day_of
from pipelines.simulate.survey import Survey, surveyed, viewed
from retention_rules.policy import Policy

NAMED = ("container", "key")
"""What names an item; its key alone, where no other folder has the same."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the archive holds of a record since a day, in so far as it was moved there at once."""

    since: dt.date
    person: Person
    whole: str


@dataclass(frozen=True, slots=True)
class Why:
    """Everything that decides on one record.

    ``people`` are none where nothing of the record is left in the active base; ``arrivals``: what is in the archive.
    ``done``: the categories that are anonymised already. ``whole``: what becomes of the record as such on the as-of
    date, in words. ``blockers``: the datasets whose living records keep it from deletion. ``gaps``: what the stores
    could not tell.
    """

    store: str
    dataset: str
    policy: Policy
    as_of: dt.date
    people: tuple[Person, ...]
    done: tuple[str, ...]
    whole: str
    blockers: tuple[str, ...]
    gaps: tuple[str, ...]
    arrivals: tuple[Arrival, ...] = ()


def why(
    estate: Estate, controller: str, store: str, dataset: str, key: Sequence[str], *, as_of: dt.date, today: dt.date
) -> Why:
    """Explain one record.

    Args:
        estate: the estate.
        controller: whose policy decides.
        store: its name.
        dataset: its name in the data map.
        key: the values of a row's key columns; of a message or meeting its key, after its folder where that is needed.
        as_of: the date for which is decided.
        today: the current day.

    Raises:
        UsageError: there is no such dataset or record, or more than one.
        Unavailable: the store cannot be reached, or was never scanned.
        Disagreement: the compiled selection says something else than the reference.
    """
    policy = estate.policy(controller)
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        context = viewed(estate, engine, controller, policy, plan_horizons(as_of, today))
    mapped = context.active(store).get(dataset)
    where = f"{store}.{dataset}"
    if mapped is None:
        raise UsageError(f"{controller} has no approved dataset of this name", where, "`ardoise review` lists them.")
    if mapped.key:
        _whole(estate, store, dataset, key)
    with surveyed(estate, context) as survey:
        if store in survey.found.down or (not mapped.key and (store, dataset) not in survey.found.scans):
            raise Unavailable("nothing is known of it now", where, "Bring the store back, or run `ardoise scan`.")
        explainer = _Explainer(context, survey, store, dataset)
        return explainer.row(key) if mapped.key else explainer.item(key)


def _whole(estate: Estate, store: str, dataset: str, key: Sequence[str]) -> None:
    names = key_columns(estate, store, dataset)
    if len(key) != len(names):
        remedy = f"Give the values of: {', '.join(names)}."
        raise UsageError(f"the key has {len(names)} columns, {len(key)} were given", f"{store}.{dataset}", remedy)


@dataclass(frozen=True)
class _Explainer:
    context: Context
    survey: Survey
    store: str
    dataset: str

    def row(self, key: Sequence[str]) -> Why:
        """A row of a table: what of it is in the active base, and what in the archive."""
        arrivals = tuple(self._arrivals(key))
        try:
            found = self._active(key, record_digest(self.survey.estate, self.store, self.dataset, key))
        except UsageError:
            if not arrivals:
                raise
            found = self._why((), done=(), whole="it is in the archive", blockers=())
        return replace(found, arrivals=arrivals)

    def _active(self, key: Sequence[str], digest: str) -> Why:
        selections = self.survey.selections(self.context, self.store)
        selection = selections.selection(self.dataset)
        this = _this(selection.map.key, key)
        with speaking_for(self.store):
            found = selections.connection.execute(sa.select(selection.decisions(this))).mappings().all()
            carried = selections.datasets.carried(self.dataset, restriction=this, events=frozenset())
            strong = [carried.relation.c[label] for label, each in carried.links.items() if not each.weak]
            subjects = selections.connection.execute(sa.select(*strong)).one_or_none() if strong else None
            anybody = selections.connection.execute(sa.select(carried.relation.c.unread)).scalar_one_or_none()
        if len(found) != 1:
            raise UsageError("the record belongs to another tenant", self._where, "Name a record of this controller.")
        row = {str(name): value for name, value in found[0].items()}
        digests = {digest, *filter(None, subjects or ())}
        if anybody:  # she may be any person that is held
            digests |= {each.scope.subject for each in self.context.holding.holds if each.scope.subject}
        person = self._reference(selection).person(row, digests)
        groups = selection.groups(self.context.horizons[0])
        done = [number for number in range(len(groups)) if row[f"g{number}_done"]]
        children = selection.below.children if selection.deletable else ()
        blockers = tuple(each.dataset or each.location for number, each in enumerate(children) if row[f"b{number}"])
        moves = any(row.get(f"g{number}_moves") for number in range(len(groups)))
        return self._why(
            (person,),
            done=tuple(category for number in done for category in groups[number].categories),
            whole=_whole_row(bool(row["goes"]), bool(row.get("leaves")), moves, blockers),
            blockers=blockers,
        )

    def _arrivals(self, key: Sequence[str]) -> Iterator[Arrival]:
        selection = self.survey.archived(self.context, self.store, self.dataset)
        if selection is None:
            return
        table, relation = selection.table, selection.relation(_this(selection.shape.dataset.key, key))
        links = [table.c[name] for name, each in links_in(table.c.keys()) if not each.weak]
        query = sa.select(relation, table.c[DAY], table.c[RECORD], *links).join(
            table, table.c[ID] == relation.c[column(ID)]
        )
        with speaking_for(self.store):
            found = selection.connection.execute(query.order_by(table.c[DAY], table.c[ID])).mappings().all()
        for each in found:
            row = {str(name): value for name, value in each.items()}
            digests = {row[RECORD], *(row[link.name] for link in links)} - {None}
            person = self._reference(selection).person(row, digests)
            there = {c for n, group in enumerate(selection.first) if not row[f"g{n}_empty"] for c in group.categories}
            since = day_of(row[DAY])
            assert since is not None, "every arrival has its day"  # noqa: S101
            yield Arrival(since, person.of(there), _whole_arrival(selection, row))

    def _reference(self, selection: Selection | ItemSelection | ArchivedSelection) -> Reference:
        context = selection.own if isinstance(selection, ArchivedSelection) else self.context
        holding = selection.persons.holding if isinstance(selection, ItemSelection) else self.context.holding
        return Reference(context, selection, holding, self.store, self.dataset)

    def item(self, key: Sequence[str]) -> Why:
        """A message or meeting, with each of its persons."""
        if len(key) > len(NAMED):
            raise UsageError("a message or meeting has one key", self._where, "Give its folder, then its key.")
        selection = ItemSelection(self.context, self.survey.found.evidence, self.store, self.dataset)
        relation, items = selection.relation(), selection.decided_items()
        rows = list(self._rows(relation, key))
        together = list(self._rows(items, key))
        if len(together) > 1:
            raise UsageError("several folders have such a record", self._where, "Give its folder, then its key.")
        if not together:
            raise UsageError(
                "there is no such record, or it concerns nobody but the controller", self._where, "Such records stay."
            )
        place = (str(together[0][column(name)]) for name in NAMED)
        record = item_digest(self.context.key, self.store, self.dataset, *place)
        reference = self._reference(selection)
        people = tuple(reference.person(row, {row["digest"], record}) for row in rows)
        self._agree_together(selection, people, together[0])
        whole = (
            "it goes as a whole"
            if together[0]["all_due"]
            else "it stays, and is redacted of those for whom everything is due"
            if together[0]["some_due"]
            else "it stays as it is"
        )
        return self._why(people, done=(), whole=whole, blockers=())

    @property
    def _where(self) -> str:
        return f"{self.store}.{self.dataset}"

    def _why(self, people: tuple[Person, ...], *, done: tuple[str, ...], whole: str, blockers: tuple[str, ...]) -> Why:
        return Why(
            self.store, self.dataset, self.context.policy, self.context.as_of, people, done, whole, blockers,
            self.survey.gaps,
        )  # fmt: skip

    def _rows(self, relation: sa.FromClause, key: Sequence[str]) -> Iterator[Row]:
        names = NAMED[-len(key) :]
        query = sa.select(relation).where(
            *(relation.c[column(name)] == value for name, value in zip(names, key, strict=False))
        )
        found = run(self.survey.found.evidence.connection, query)
        columns = [each[0] for each in found.description]
        for values in found.fetchall():
            yield dict(zip(columns, values, strict=True))

    def _agree_together(self, selection: ItemSelection, people: Sequence[Person], row: Row) -> None:
        """An item is kept while it is for someone."""
        for number, group in enumerate(selection.groups(self.context.horizons[0])):
            codes = {_code(person, group.categories[0]) for person in people}
            said = {code for code in Code if row[f"g{number}_{code.name.lower()}"]}
            if codes != said:
                raise Disagreement("the item's persons do not add up", self._where, "Approve no plan, and report it.")


def _code(person: Person, category: str) -> Code:
    """What counts for a person: due is what was due then and is due today."""
    codes = [code_of(each.decision) for view in person.views for each in view.categories if each.category == category]
    return next((code for code in codes if code is not Code.DUE), Code.DUE)


def _this(columns: Sequence[str], key: Sequence[str]) -> Restriction:
    """Lets through the rows whose key columns read as these texts."""

    def same(table: sa.FromClause) -> sa.ColumnElement[Any]:
        pairs = zip(columns, key, strict=True)
        return sa.and_(*(sa.cast(table.c[name], sa.Text) == value for name, value in pairs))

    return same


def _whole_row(goes: bool, leaves: bool, moves: bool, blockers: Sequence[str]) -> str:
    if goes:
        return "the row is deleted"
    if leaves:
        return "the row moves to the archive"
    if blockers:
        return "the row stays: it is still needed"
    apart = "what law and claims alone keep moves to the archive, " if moves else ""
    return f"the row stays; {apart}what is due in it is emptied or replaced"


def _whole_arrival(selection: ArchivedSelection, row: Row) -> str:
    if selection.unmapped:
        return f"it stays: the data map does not know its {', '.join(selection.unmapped)}"
    if row["goes"]:
        return "it leaves the archive"
    due = any(row[f"g{n}_code"] == Code.DUE and not row[f"g{n}_empty"] for n in range(len(selection.first)))
    return "it stays in the archive; what is due in it is emptied" if due else "it stays in the archive"
