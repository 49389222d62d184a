"""One aggregate query per table: how its rows stand per category, and what the steps of a plan would act on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipelines.plan.artefact import Action, Step, Tally
from pipelines.plan.compile import Code, constant
from pipelines.plan.selection import Selection

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
    """What the plan says of one dataset."""

    found: int
    acted_on: int
    tallies: tuple[Tally, ...]
    steps: tuple[Step, ...]


def count_rows(selection: Selection, order: int) -> Counted:
    """Count a table's rows by decision and by step; one query, nothing but numbers and dates comes back."""
    relation = selection.relation()
    groups = selection.groups(selection.store.context.horizons[0])
    columns: dict[str, Expression] = {"found": sa.func.count()}
    acted: list[Expression] = [relation.c.goes]
    for number in range(len(groups)):
        names = selection.effective(number)
        done = relation.c[f"g{number}_done"]
        columns[f"g{number}_done"] = _how_many(done)
        for code in Code:
            standing = sa.and_(relation.c[names.code] == constant(code), sa.not_(done))
            columns[f"g{number}_{STATES[code]}"] = _how_many(standing)
        for suppress in (False, True):
            condition = selection.in_place(relation, number, suppress=suppress)
            acted.append(condition)
            stem = f"g{number}_step{int(suppress)}"
            columns |= _step_columns(selection, stem, condition, relation.c[names.due], relation.c[names.last])
    columns |= _step_columns(selection, "row", relation.c.goes, relation.c.row_due, relation.c.row_last)
    columns["acted"] = _how_many(sa.or_(*acted))
    if selection.deletable:
        for number in range(len(selection.children)):
            columns[f"b{number}"] = _how_many(relation.c[f"b{number}"])
    query = sa.select(*(value.label(label) for label, value in columns.items())).select_from(relation)
    found = selection.store.connection.execute(query).mappings().one()
    row: dict[str, Any] = {str(name): value for name, value in found.items()}
    return Counted(
        row["found"] or 0,
        row["acted"] or 0,
        tuple(_tallies(selection, row)),
        tuple(_steps(selection, row, order)),
    )


def _step_columns(
    selection: Selection, stem: str, condition: Expression, due: Expression, last: Expression
) -> dict[str, Expression]:
    columns = {
        f"{stem}_count": _how_many(condition),
        f"{stem}_from": sa.func.min(sa.case((condition, due)), type_=sa.Date()),
        f"{stem}_to": sa.func.max(sa.case((condition, due)), type_=sa.Date()),
    }
    for index in range(len(selection.store.context.policy.purposes)):
        columns[f"{stem}_p{index}"] = _how_many(sa.and_(condition, last == constant(index)))
    return columns


def _how_many(condition: Expression) -> Expression:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, constant(1)), else_=constant(0))), constant(0))


def _tallies(selection: Selection, row: Mapping[str, Any]) -> Iterator[Tally]:
    for number, group in enumerate(selection.groups(selection.store.context.horizons[0])):
        counts: dict[str, Any] = {state: int(row[f"g{number}_{state}"]) for state in (*STATES.values(), "done")}
        for category in group.categories:
            yield Tally(selection.store.store, selection.name, category, found=int(row["found"]), **counts)


def _steps(selection: Selection, row: Mapping[str, Any], order: int) -> Iterator[Step]:
    blocked = tuple(
        (child.dataset or child.location, int(row[f"b{number}"]))
        for number, child in enumerate(selection.children if selection.deletable else ())
        if row[f"b{number}"]
    )
    everything = tuple(selection.fields)
    whole = _step(selection, row, "row", Action.DELETE, everything, order, blocked=blocked)
    if whole:
        yield whole
    for number, group in enumerate(selection.groups(selection.store.context.horizons[0])):
        for suppress in (False, True):
            stem = f"g{number}_step{int(suppress)}"
            because = blocked if suppress else ()
            step = _step(
                selection, row, stem, Action.ANONYMISE, group.categories, order, blocked=because, suppress=suppress
            )
            if step:
                yield step


def _step(
    selection: Selection,
    row: Mapping[str, Any],
    stem: str,
    action: Action,
    categories: tuple[str, ...],
    order: int,
    *,
    blocked: tuple[tuple[str, int], ...],
    suppress: bool = False,
) -> Step | None:
    count = int(row[f"{stem}_count"])
    if not count:
        return None
    purposes = selection.store.context.policy.purposes
    last = ((each.name, int(row[f"{stem}_p{index}"])) for index, each in enumerate(purposes))
    place = f"{selection.store.store}.{selection.name}"
    name = (
        action.value
        if action is Action.DELETE
        else f"{'suppress' if suppress else 'anonymise'}.{stem.split('_', maxsplit=1)[0]}"
    )
    return Step(
        id=f"{place}.{name}",
        store=selection.store.store,
        dataset=selection.name,
        action=action,
        categories=tuple(categories),
        fields=tuple(sorted(name for category in categories for name in selection.fields[category])),
        purposes=tuple((name, number) for name, number in last if number),
        count=count,
        first_due=_day(row[f"{stem}_from"]),
        last_due=_day(row[f"{stem}_to"]),
        order=order,
        blocked=blocked,
        suppress=suppress,
    )


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else dt.date(value.year, value.month, value.day)
