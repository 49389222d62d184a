"""How a proposal is shown to the person who decides: what seems personal and why first, the rest in one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding

from pipelines.classify.verdict import Verdict
from pipelines.cli.layout import table
from pipelines.cli.next_step import listed
from pipelines.data_map.model import NOT_PERSONAL
from pipelines.scan.drift import Coverage, past
from pipelines.scan.review import ReviewDataset, ReviewRow, ReviewTable, State

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.estate import Estate


@dataclass(frozen=True, slots=True)
class Told:
    """What earlier scans said, by store, dataset and field; ``undecided`` are those to be decided about anew."""

    past: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    undecided: frozenset[tuple[str, str, str]] = frozenset()


def print_review(out: Console, review: ReviewTable, told: Told, *, everything: bool) -> None:
    """Each dataset that has something personal or something to decide; the others by name."""
    plain = []
    for dataset in review.datasets:
        rows = [row for row in dataset.rows if everything or _telling(row) or _place(row) in told.undecided]
        if rows or (dataset.events and not dataset.approved):
            _print_dataset(out, dataset, rows, told)
        elif not dataset.approved:
            plain.append(f"{dataset.store}.{dataset.dataset}")
    if plain:
        out.print(f"Nothing personal found in {escape(listed(plain, most=30))}. Such datasets need no approval.")


def told_of(estate: Estate, coverage: Coverage, review: ReviewTable) -> Told:
    """What earlier scans said of the fields under review."""
    found: dict[tuple[str, str, str], str] = {}
    undecided: set[tuple[str, str, str]] = set()
    for shown in review.datasets:
        place = (shown.store, shown.dataset)
        for name, said in coverage.history.get((shown.store, shown.location), {}).items():
            if before := past(said):
                found[*place, name] = before
        active = estate.data_maps[shown.store].active if shown.store in estate.data_maps else {}
        if shown.dataset in active and active[shown.dataset].controller in estate.controllers:
            dataset = active[shown.dataset]
            drifted = coverage.drifted(*place, dataset, estate.policy(dataset.controller), location=shown.location)
            undecided |= {(*place, each.field) for each in drifted}
    return Told(found, frozenset(undecided))


def _place(row: ReviewRow) -> tuple[str, str, str]:
    return row.store, row.dataset, row.field


def _telling(row: ReviewRow) -> bool:
    return row.state is not State.APPROVED and (row.proposed != NOT_PERSONAL or row.state is not State.NEW)


def _print_dataset(out: Console, dataset: ReviewDataset, rows: Sequence[ReviewRow], told: Told) -> None:
    state = "approved" if dataset.approved else "not approved: it does not act"
    title = f"{dataset.store}.{dataset.dataset} ({escape(dataset.location)}; {state})"
    if rows:
        made = table(title, ("field", "category", "why"), whole=("category",))
        for row in rows:
            before = told.past.get(_place(row), "")
            why = "; ".join([*row.evidence, *([before] if before else [])])
            made.add_row(escape(row.field), _category(row, anew=_place(row) in told.undecided), escape(why))
            for each in row.paths:
                if each.verdict != Verdict.NOT_PERSONAL:
                    made.add_row(escape(f"  → {each.path}"), escape(each.category), escape("; ".join(each.evidence)))
        out.print(made)
    else:
        out.print(f"[bold]{title}[/]")
    for line in _lines(dataset, rows):
        out.print(Padding(line, (0, 0, 0, 2)))
    out.print()


def _category(row: ReviewRow, *, anew: bool = False) -> str:
    if anew and row.state is State.APPROVED:
        return f"{escape(row.approved)}: [yellow]decide anew[/]"
    match row.state:
        case State.OPEN:
            return "[yellow]to decide[/]"
        case State.GONE:
            return f"[red]gone[/], was {escape(row.approved)}"
        case State.CHANGED:
            return f"{escape(row.proposed)}, [yellow]was[/] {escape(row.approved)}"
        case State.NEW | State.APPROVED:
            doubtful = row.state is State.NEW and row.verdict == Verdict.REVIEW
            category = row.proposed or row.approved
            said = Verdict.NOT_PERSONAL.value if category == NOT_PERSONAL else category
            return escape(said) + ("[yellow]?[/]" if doubtful else "")


def _lines(dataset: ReviewDataset, rows: Sequence[ReviewRow]) -> Iterator[str]:
    shown = {row.field for row in rows}
    rest = [row.field for row in dataset.rows if row.field not in shown and row.proposed == NOT_PERSONAL]
    if rest:
        yield f"[dim]not personal:[/] {escape(', '.join(rest))}"
    for event in dataset.events:
        yield f"[dim]event[/] {escape(event)}"
    if dataset.dates and not dataset.approved:
        yield f"[dim]dates that supply no event:[/] {escape(', '.join(dataset.dates))}"
    for note in dataset.notes:
        yield f"[dim]note:[/] {escape(note)}"


def worth_accepting(review: ReviewTable) -> list[ReviewDataset]:
    """The datasets that wait for an approval and hold something personal, or tell when something happened."""
    return [
        each
        for each in review.datasets
        if not each.approved and (each.events or any(row.proposed not in {"", NOT_PERSONAL} for row in each.rows))
    ]
