"""How a plan is printed: how the records stand, what would be done and why, and what stands in the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding

from pipelines.cli.layout import compact, number, table
from pipelines.counted import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipelines.plan.artefact import Plan, Step, Tally

_STATES = ("kept", "archived", "due", "held", "undetermined", "done")
_ALWAYS = ("kept", "due")

_ACTIVE = "active"
"""`pipelines.plan.artefact.Place.ACTIVE`, which the command line does not load for its help."""

_WORDS = {
    "drop_partition": "whole partitions at once",
    "rewrite": "by writing the table anew",
    "ranges": "in ranges of rows",
}
"""How the strategies of `connectors.sql.strategy.Strategy` are called, which the command line does not load."""

Counts = tuple[int, ...]


def print_plan(out: Console, plan: Plan) -> None:
    """The whole of a plan."""
    out.print(_standing(plan))
    if plan.steps:
        out.print(_steps(plan.steps))
    else:
        out.print("Nothing is due.")
    for refusal in plan.refusals:
        where = ".".join(part for part in (refusal.store, refusal.dataset) if part) or "the plan"
        out.print(f"[red]Refused:[/] {escape(f'{where}: {refusal.reason}. {refusal.remedy}')}")
    for warning in plan.warnings:
        out.print(f"[yellow]Note:[/] {escape(warning)}")
    if any(tally.undetermined for tally in plan.tallies):
        out.print(
            "Undetermined: a date that a purpose needs is missing or absurd there; such records are never acted on."
        )
    out.print(f"Plan [bold]{plan.digest[:12]}[/] (policy {plan.policy}, {plan.policy_digest[:12]})")


def _standing(plan: Plan) -> Table:
    """One heading per dataset, and under it one line per way in which categories stand."""
    states = [state for state in _STATES if state in _ALWAYS or any(getattr(each, state) for each in plan.tallies)]
    title = f"{escape(plan.controller)}, as of {plan.as_of}: how the records stand"
    made = table(title, ("category", *states), states)
    for (store, dataset, place), tallies in itertools.groupby(
        plan.tallies, key=lambda each: (each.store, each.dataset, each.place)
    ):
        same = list(tallies)
        where = "" if place == _ACTIVE else ", in the archive"
        count = max(each.found for each in same)
        made.add_row(
            f"[bold]{store}.{dataset}[/]{where}: {counted(count, '{n} record', '{n} records')}", *("" for _ in states)
        )
        for counts, categories in _alike(same, states).items():
            made.add_row(_indented(categories), *map(number, counts))
    return made


def _indented(categories: Iterable[str]) -> Padding:
    return Padding("\n".join(map(escape, compact(categories))), (0, 0, 0, 2))


def _alike(tallies: Sequence[Tally], states: Sequence[str]) -> Mapping[Counts, list[str]]:
    """The categories of a dataset by how their records stand."""
    found: dict[Counts, list[str]] = {}
    for each in tallies:
        found.setdefault(tuple(getattr(each, state) for state in states), []).append(each.category)
    return found


def _steps(steps: Sequence[Step]) -> Table:
    made = table("What it would do", ("action", "on", "records", "due since"), ("records",), whole=("due since",))
    for step in steps:
        dates = f"{step.first_due}" if step.first_due == step.last_due else f"{step.first_due}\nto {step.last_due}"
        made.add_row(step.action, "\n".join(_what(step)), f"{step.count:,}", dates)
    return made


def _what(step: Step) -> Iterator[str]:
    yield f"[bold]{step.store}.{step.dataset}[/]{'' if step.place == _ACTIVE else ', in the archive'}"
    verb = "emptied: " if step.suppress else ""
    if step.action == "archive":
        verb = "moved, and emptied here: " if step.suppress else "moved, the row deleted here: "
    yield escape(f"{verb}{', '.join(step.fields)}")
    if step.purposes:
        ended = ", ".join(f"{name} ({count:,})" for name, count in step.purposes)
        yield f"[dim]ended:[/] {escape(ended)}"
    if step.strategy is not None:
        why = "".join(f"; not {_WORDS[each.strategy]}: {each.reason}" for each in step.declined)
        yield f"[dim]how:[/] {escape(_WORDS[step.strategy] + why)}"
    for child, count in step.blocked:
        verb = "moved as a whole" if step.action == "archive" else "deleted"
        yield f"[dim]not {verb}, because {escape(child)} still needs them:[/] {count:,}"


def _places_together(tallies: Iterable[Tally]) -> list[Tally]:
    """The tallies by category, what is in the active base and what is in the archive added up."""
    found: dict[tuple[str, str, str], Tally] = {}
    for each in tallies:
        where = each.store, each.dataset, each.category
        other = found.get(where)
        found[where] = each if other is None else _added(other, each)
    return list(found.values())


def _added(one: Tally, other: Tally) -> Tally:
    counts = {name: getattr(one, name) + getattr(other, name) for name in ("found", *_STATES)}
    return replace(one, **counts)


def standing_table(plan: Plan, acted: Mapping[tuple[str, str, str], tuple[int, int]]) -> Table:
    """The run at a glance; ``acted`` gives (deleted, anonymised) by store, dataset and category.

    What is in an archive counts with its dataset.
    """
    rows: list[tuple[Tally, Counts]] = []
    for each in _places_together(plan.tallies):
        deleted, anonymised = acted.get((each.store, each.dataset, each.category), (0, 0))
        counts: Counts = (each.found, each.kept, each.archived, deleted, anonymised, each.held, each.undetermined)
        rows.append((each, counts))
    # Found, kept, in the archive phase, deleted, anonymised, held, undetermined: narrow, so that all fit 80 columns.
    states = ("found", "kept", "archived", "deleted", "anonym.", "held", "undet.")
    made = table(f"{escape(plan.controller)}, as of {plan.as_of}", ("store and category", *states), states)
    made.columns[0].width = 21
    made.padding = (0, 0, 0, 1)
    for (store, dataset), group in itertools.groupby(rows, key=lambda row: (row[0].store, row[0].dataset)):
        made.add_row(f"[bold]{store}.{dataset}[/]", *("" for _ in states))
        alike: dict[Counts, list[str]] = {}
        for each, counts in group:
            alike.setdefault(counts, []).append(each.category)
        for counts, categories in alike.items():
            made.add_row(_indented(categories), *map(number, counts))
    return made
