"""What the commands print: tables of counts, categories and digests; never a value of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from expectations.findings import Finding
    from pipelines.apply.summary import RunSummary
    from pipelines.engine.holds import HoldRecord
    from pipelines.plan.artefact import Plan
    from pipelines.scan import ReviewTable, ScanResult

NUMBERS = frozenset(
    {"found", "kept", "archived", "due", "held", "undetermined", "done", "deleted", "anonymised", "redacted"}
)


def _table(title: str, columns: Sequence[str], numbers: Iterable[str] = NUMBERS) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    right = set(numbers)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def scan_table(result: ScanResult) -> Table:
    """One row per store."""
    columns = ("store", "state", "datasets", "records", "personal fields", "to decide")
    table = _table("Scan", columns, columns[2:])
    for store in result.stores:
        state = "[green]complete[/]" if store.complete else f"[red]incomplete: {store.reason}[/]"
        counts = (store.datasets, store.records, store.personal, store.review)
        table.add_row(store.store, state, *(f"{count:,}" for count in counts))
    return table


def gap_lines(result: ScanResult) -> Iterator[str]:
    """One line per store and kind of gap, with what to do about it."""
    gaps: dict[tuple[str, str], list[str]] = {}
    remedies: dict[tuple[str, str], str] = {}
    for finding in result.findings:
        key = (finding.store, finding.gap.value)
        place = ".".join(part for part in (finding.location, finding.field) if part)
        gaps.setdefault(key, []).append(place)
        remedies[key] = finding.remedy
    for (store, gap), places in gaps.items():
        yield f"{store}, {gap}: {', '.join(places)}. {remedies[store, gap]}."


def review_tables(review: ReviewTable, *, everything: bool) -> Iterator[Table]:
    """One table per dataset that has something to look at."""
    from pipelines.scan.review import State

    for dataset in review.datasets:
        rows = [row for row in dataset.rows if everything or row.state is not State.APPROVED]
        if not rows and dataset.approved:
            continue
        state = "approved" if dataset.approved else "not approved: it does not act"
        table = _table(f"{dataset.store}.{dataset.dataset} ({dataset.location}; {state})", _REVIEW, ())
        for row in rows:
            table.add_row(row.field, row.verdict, row.proposed, row.approved, row.state, "; ".join(row.evidence))
        for note in (*dataset.notes, *(f"event {event}" for event in dataset.events)):
            table.add_row("", "", "", "", "note", note)
        yield table


_REVIEW = ("field", "verdict", "proposed", "approved", "state", "evidence")


def print_plan(out: Console, plan: Plan) -> None:
    """The plan: how records stand, what would be done, and what stands in the way."""
    columns = ("store", "dataset", "category", "found", "kept", "archived", "due", "held", "undetermined", "done")
    table = _table(f"{plan.controller}, as of {plan.as_of}: how the records stand", columns)
    for each in plan.tallies:
        counts = (each.found, each.kept, each.archived, each.due, each.held, each.undetermined, each.done)
        table.add_row(each.store, each.dataset, each.category, *(f"{count:,}" if count else "·" for count in counts))
    out.print(table)
    out.print(_steps(plan))
    for refusal in plan.refusals:
        out.print(f"[red]Refused:[/] {refusal.store}.{refusal.dataset}: {refusal.reason}. {refusal.remedy}")
    for note in plan.evidence:
        if not note.complete:
            out.print(f"[yellow]Incomplete:[/] {note.event} from {note.store}.{note.dataset}: {note.reason}")
    for warning in plan.warnings:
        out.print(f"[yellow]Note:[/] {warning}")
    out.print(f"Plan [bold]{plan.digest[:12]}[/] (policy {plan.policy}, {plan.policy_digest[:12]})")


def _steps(plan: Plan) -> Table:
    columns = ("step", "action", "records", "due from", "to", "fields", "purposes that ended")
    table = _table("What it would do", columns, ("records",))
    for step in plan.steps:
        ended = ", ".join(f"{name} {count:,}" for name, count in step.purposes)
        dates = (step.first_due.isoformat(), step.last_due.isoformat())
        table.add_row(step.id, step.action, f"{step.count:,}", *dates, ", ".join(step.fields), ended)
    if not plan.steps:
        table.add_row("nothing is due", "", "0", "", "", "", "")
    return table


def outcome_table(summary: RunSummary) -> Table:
    """One row per step: what was planned, done, no longer due, and what is left."""
    title = "Nothing was left to do" if summary.nothing_to_do else f"Plan {summary.plan[:12]} applied"
    columns = ("store", "dataset", "action", "planned", "acted", "no longer due", "left", "complete")
    table = _table(title, columns, columns[3:7])
    for step in summary.steps:
        counts = (step.planned, step.acted, step.outcomes.get("stale", 0), step.left)
        done = "[green]yes[/]" if step.complete else "[red]no[/]"
        table.add_row(step.store, step.dataset, step.action, *(f"{count:,}" for count in counts), done)
    return table


def standing_table(plan: Plan, acted: dict[tuple[str, str, str], tuple[int, int]]) -> Table:
    """The run at a glance, per store and category; ``acted`` gives (deleted, anonymised) by store, dataset, category."""
    columns = (
        "store",
        "dataset",
        "category",
        "found",
        "kept",
        "archived",
        "deleted",
        "anonymised",
        "held",
        "undetermined",
    )
    table = _table(f"{plan.controller}, as of {plan.as_of}", columns)
    last = ""
    for each in plan.tallies:
        deleted, anonymised = acted.get((each.store, each.dataset, each.category), (0, 0))
        counts = (each.found, each.kept, each.archived, deleted, anonymised, each.held, each.undetermined)
        if last not in {"", each.store}:
            table.add_section()
        last = each.store
        table.add_row(each.store, each.dataset, each.category, *(f"{count:,}" if count else "·" for count in counts))
    return table


def findings_table(findings: Sequence[Finding]) -> Table:
    """One row per expectation, the failed ones first, with their remedies."""
    columns = ("result", "expectation", "where", "measure", "expected", "seen", "remedy")
    table = _table("Verification", columns, ("expected", "seen"))
    for each in sorted(findings, key=lambda finding: finding.passed):
        result = "[green]passed[/]" if each.passed else "[red]failed[/]"
        where = ".".join(part for part in (each.store, each.dataset) if part)
        seen = "not measured" if each.seen is None else f"{each.seen:,}"
        remedy = "" if each.passed else each.remedy
        table.add_row(result, each.expectation, where, each.measure, f"{each.expected:,}", seen, remedy)
    return table


def holds_table(holds: Sequence[HoldRecord]) -> Table:
    """One row per hold; persons and records appear as `narrow` alone."""
    table = _table("Holds", ("hold", "case", "covers", "since", "released", "opened by", "released by"), ())
    for each in holds:
        scope = each.scope
        where = ".".join(part for part in (scope.store, scope.dataset) if part) or "everything"
        narrow = " (one person or record)" if scope.subject or scope.record else ""
        kinds = f" [{', '.join(sorted(scope.categories))}]" if scope.categories else ""
        released = "" if each.until is None else each.until.isoformat()
        covers = f"{where}{narrow}{kinds}"
        row = (
            str(each.id),
            each.case,
            covers,
            each.since.isoformat(),
            released,
            each.opened_by,
            each.released_by or "",
        )
        table.add_row(*row)
    return table
