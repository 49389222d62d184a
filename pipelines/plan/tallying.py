"""One aggregate query per table: how its rows stand per category, and what the steps of a plan would act on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from pipelines.plan.archived import ArchivedSelection
from pipelines.plan.arrivals import RECORD
from pipelines.plan.artefact import Action, Place, Step, Tally
from pipelines.plan.compile import Code, constant
from pipelines.plan.emptied import Emptied
from pipelines.plan.portions import Backlog, backlog_of
from pipelines.plan.selection import Selection
from pipelines.plan.strategies import Choice
from pipelines.plan.tables import column
from retention_rules.purposes import Purpose

Expression = sa.ColumnElement[Any]

STATES = {
    Code.KEEP: "kept",
    Code.ARCHIVE: "archived",
    Code.DUE: "due",
    Code.HELD: "held",
    Code.UNDETERMINED: "undetermined",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What the plan says of one dataset; ``backlog`` is measured where a plan is made in portions.

    ``twice``: how many of the records found are in the archive too, and how many of them are acted on in both places.
    """

    found: int
    acted_on: int
    tallies: tuple[Tally, ...]
    steps: tuple[Step, ...]
    backlog: Backlog | None = None
    twice: tuple[int, int] = (0, 0)

    def carried_out(self, choice: Choice, selection: Selection) -> Counted:
        """With the strategy of each step."""
        return replace(self, steps=tuple(choice.of(step, selection, self.found) for step in self.steps))

    def beside(self, archived: Counted) -> Counted:
        """With what the archive holds of the dataset; a record that is in both places is one record."""
        there, acted = self.twice
        return Counted(
            self.found + archived.found - there,
            self.acted_on + archived.acted_on - acted,
            self.tallies + archived.tallies,
            self.steps + archived.steps,
            None if self.backlog is None or archived.backlog is None else self.backlog + archived.backlog,
        )


def count_rows(selection: Selection, order: int, there: Emptied | None = None) -> Counted:
    """Count a table's rows by decision and by step; one query, nothing but numbers and dates comes back.

    ``there``: the rows of which a part is in the archive. What is there is not counted as if it were here.
    """
    relation, moving = selection.counted(), selection.moving
    purposes = selection.store.context.policy.purposes
    sums = _Sums(purposes, relation.c.get("weight", constant(1)))
    groups = selection.groups(selection.store.context.horizons[0])
    columns: dict[str, Expression] = {"found": sums.of(sa.true())}
    acted: list[Expression] = [relation.c.goes, moving.leaves(relation)]
    moved = [sa.false() if there is None else there.moved(relation, number) for number in range(len(groups))]
    for number in range(len(groups)):
        names = selection.effective(number)
        done = relation.c[f"g{number}_done"]
        columns[f"g{number}_moved"] = sums.of(moved[number])
        columns[f"g{number}_done"] = sums.of(done)
        for code in Code:
            standing = sa.and_(relation.c[names.code] == constant(code), sa.not_(done))
            columns[f"g{number}_{STATES[code]}"] = sums.of(standing)
        for suppress in (False, True):
            condition = selection.in_place(relation, number, suppress=suppress)
            acted.append(condition)
            stem = f"g{number}_step{int(suppress)}"
            columns |= sums.step(stem, condition, relation.c[names.due], relation.c[names.last])
        if moving.possible:
            condition, since = moving.in_place(relation, number), relation.c[f"g{number}_since"]
            acted.append(condition)
            columns |= sums.step(f"g{number}_move", condition, since, relation.c[names.last])
            columns[f"g{number}_taken"] = sums.of(sa.and_(relation.c.leaves, moving.moves(relation, number)))
    columns |= sums.step("row", relation.c.goes, relation.c.row_due, relation.c.row_last)
    if moving.possible:
        columns |= sums.step("leave", relation.c.leaves, relation.c.leave_due, relation.c.leave_last)
    columns["acted"] = sums.of(sa.or_(*acted))
    if there is not None:
        columns["twice"] = sums.of(sa.or_(*moved))
        columns["twice_acted"] = sums.of(sa.and_(sa.or_(*moved), sa.or_(*acted), there.acted))
    if selection.takes_rows:
        for number in range(len(selection.below.all)):
            columns[f"b{number}"] = sums.of(sa.and_(relation.c[f"b{number}"], relation.c.wants))
            columns[f"k{number}"] = sums.of(sa.and_(relation.c[f"b{number}"], sa.not_(relation.c.wants)))
    rows = relation if there is None else there.beside(relation)
    row = _counted(selection.store.connection, rows, columns)
    anonymity = selection.map.anonymity
    hiding = () if anonymity is None else anonymity.changed
    steps = _Steps(selection.store.store, selection.name, selection.fields, purposes, row, order, hiding=hiding)
    backlog = None if selection.store.context.portion is None else _backlog(selection, relation, moved, there)
    made = tuple(_steps(selection, row, steps))
    twice = (int(row.get("twice", 0)), int(row.get("twice_acted", 0)))
    return Counted(int(row["found"]), int(row["acted"]), tuple(_tallies(selection, row)), made, backlog, twice)


def _backlog(
    selection: Selection, relation: sa.FromClause, moved: Sequence[Expression], there: Emptied | None
) -> Backlog:
    """What waits of the rows; of what waits in the archive too, the sooner counts."""
    ask, since, part = selection.store.connection.execute, selection.backlog(relation), relation.c.part
    found = backlog_of(relation, since, part, ask)
    if there is None:
        return found
    day, last = there.later(since, part)
    return found - backlog_of(there.beside(relation), sa.case((sa.or_(*moved), day)), last, ask)


def count_archived(selection: ArchivedSelection, order: int) -> Counted:
    """Count what the archive holds of a dataset, by decision and by step; its columns where it holds something."""
    relation, purposes = selection.relation(), selection.own.policy.purposes
    sums, record = _Sums(purposes), relation.c[column(RECORD)]
    columns: dict[str, Expression] = {"found": sa.func.count(sa.distinct(record))}
    for number in range(len(selection.first)):
        code, there = relation.c[f"g{number}_code"], sa.not_(relation.c[f"g{number}_empty"])
        columns[f"g{number}_found"] = sums.of(there)
        for each in Code:
            columns[f"g{number}_{STATES[each]}"] = sums.of(sa.and_(code == constant(each), there))
        condition = selection.emptied(relation, number)
        due, last = relation.c[f"g{number}_due"], relation.c[f"g{number}_last"]
        columns |= sums.step(f"g{number}_step", condition, due, last)
    columns |= sums.step("row", relation.c.goes, relation.c.row_due, relation.c.row_last)
    columns["acted"] = sa.func.count(sa.distinct(sa.case((selection.acted(relation), record))))
    row = _counted(selection.connection, relation, columns)
    make = _Steps(selection.store, selection.name, selection.fields, purposes, row, order, Place.ARCHIVE)
    held = [name for n, group in enumerate(selection.first) if row[f"g{n}_found"] for name in group.categories]
    steps = [make.step("leave", "row", Action.DELETE, tuple(held))]
    for number, group in enumerate(selection.first):
        name = f"leave.g{number}"
        steps.append(make.step(name, f"g{number}_step", Action.ANONYMISE, group.categories, suppress=True))
    tallies = tuple(_tallies_of_archive(selection, row))
    backlog = None
    if selection.context.portion is not None:
        backlog = backlog_of(relation, selection.backlog(relation), relation.c.part, selection.connection.execute)
    return Counted(
        int(row["found"]), int(row["acted"]), tallies, tuple(each for each in steps if each is not None), backlog
    )


def _counted(connection: sa.Connection, relation: sa.FromClause, columns: Mapping[str, Expression]) -> dict[str, Any]:
    query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(relation)
    found = connection.execute(query).mappings().one()
    return {str(name): value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class _Sums:
    """Aggregates over rows each of which stands for ``weight`` records."""

    purposes: Sequence[Purpose]
    weight: Expression = field(default_factory=lambda: constant(1))

    def of(self, condition: Expression) -> Expression:
        """How many records fulfil a condition."""
        return sa.func.coalesce(sa.func.sum(sa.case((condition, self.weight), else_=constant(0))), constant(0))

    def step(self, stem: str, condition: Expression, due: Expression, last: Expression) -> dict[str, Expression]:
        """What `_Steps.step` wants to know of the records on which a step acts."""
        columns = {
            f"{stem}_count": self.of(condition),
            f"{stem}_from": sa.func.min(sa.case((condition, due)), type_=sa.Date()),
            f"{stem}_to": sa.func.max(sa.case((condition, due)), type_=sa.Date()),
        }
        for index in range(len(self.purposes)):
            columns[f"{stem}_p{index}"] = self.of(sa.and_(condition, last == constant(index)))
        return columns


def _tallies(selection: Selection, row: Mapping[str, Any]) -> Iterator[Tally]:
    for number, group in enumerate(selection.groups(selection.store.context.horizons[0])):
        counts: dict[str, Any] = {state: int(row[f"g{number}_{state}"]) for state in (*STATES.values(), "done")}
        moved = int(row[f"g{number}_moved"])  # what is there is counted there, and done here in no other sense
        counts |= {"found": int(row["found"]) - moved, "done": counts["done"] - moved}
        for category in group.categories:
            yield Tally(selection.store.store, selection.name, category, **counts)


def _tallies_of_archive(selection: ArchivedSelection, row: Mapping[str, Any]) -> Iterator[Tally]:
    """What nothing has released yet is archived, whatever a policy of today would say of it."""
    for number, group in enumerate(selection.first):
        counts: dict[str, Any] = {state: int(row[f"g{number}_{state}"]) for state in ("found", *STATES.values())}
        counts["archived"] += counts.pop("kept")
        for category in group.categories if counts["found"] else ():
            yield Tally(selection.store, selection.name, category, place=Place.ARCHIVE, **counts)


def _steps(selection: Selection, row: Mapping[str, Any], make: _Steps) -> Iterator[Step]:
    names = [child.dataset or child.location for child in (selection.below.all if selection.takes_rows else ())]
    blocked = tuple((name, int(row[f"b{n}"])) for n, name in enumerate(names) if row[f"b{n}"])
    needed = tuple((name, int(row[f"k{n}"])) for n, name in enumerate(names) if row[f"k{n}"])
    groups = selection.groups(selection.store.context.horizons[0])
    found = [make.step("delete", "row", Action.DELETE, tuple(selection.fields), blocked=blocked)]
    if selection.moving.possible:
        taken = tuple(name for n, group in enumerate(groups) if row[f"g{n}_taken"] for name in group.categories)
        found.append(make.step("archive", "leave", Action.ARCHIVE, taken, blocked=needed))
    for n, group in enumerate(groups):
        if selection.moving.possible:
            found.append(make.step(f"archive.g{n}", f"g{n}_move", Action.ARCHIVE, group.categories, suppress=True))
        for suppress, name in ((False, "anonymise"), (True, "suppress")):
            because = blocked if suppress else ()
            stem = f"g{n}_step{int(suppress)}"
            found.append(
                make.step(f"{name}.g{n}", stem, Action.ANONYMISE, group.categories, blocked=because, suppress=suppress)
            )
    yield from (step for step in found if step is not None)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Makes the steps of one dataset from the row of its counts.

    ``hiding``: the fields that get coarser in rows without any personal field, so that they hide among each other.
    """

    store: str
    dataset: str
    fields: Mapping[str, tuple[str, ...]]
    purposes: Sequence[Purpose]
    row: Mapping[str, Any]
    order: int
    place: Place = Place.ACTIVE
    hiding: tuple[str, ...] = ()

    def step(
        self,
        name: str,
        stem: str,
        action: Action,
        categories: tuple[str, ...],
        *,
        blocked: tuple[tuple[str, int], ...] = (),
        suppress: bool = False,
    ) -> Step | None:
        """The step that the columns of a stem have counted, if there are any records for it."""
        count = int(self.row[f"{stem}_count"])
        if not count:
            return None
        last = ((each.name, int(self.row[f"{stem}_p{index}"])) for index, each in enumerate(self.purposes))
        fields = {name for category in categories for name in self.fields[category]}
        return Step(
            id=f"{self.store}.{self.dataset}.{name}",
            store=self.store,
            dataset=self.dataset,
            action=action,
            categories=tuple(categories),
            fields=tuple(sorted(fields.union(self.hiding) if action is Action.ANONYMISE else fields)),
            purposes=tuple((name, number) for name, number in last if number),
            count=count,
            first_due=_day(self.row[f"{stem}_from"]),
            last_due=_day(self.row[f"{stem}_to"]),
            order=self.order,
            blocked=blocked,
            suppress=suppress,
            place=self.place,
        )


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else dt.date(value.year, value.month, value.day)
