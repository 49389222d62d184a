"""What the commands print of scans, runs, findings and holds: counts and digests, never a value of a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from pipelines.cli.layout import number, table
from pipelines.cli.next_step import listed

if TYPE_CHECKING:
    from rich.table import Table

    from expectations.findings import Finding
    from expectations.suites import Suite
    from pipelines.apply.summary import RunSummary
    from pipelines.engine.holds import HoldRecord
    from pipelines.engine.plans import PlanRecord
    from pipelines.engine.requests import RequestRecord
    from pipelines.scan import ScanResult


def scan_table(result: ScanResult) -> Table:
    """One row per store."""
    columns = ("store", "state", "datasets", "records", "personal", "to decide")
    made = table("Scan", columns, columns[2:])
    for store in result.stores:
        state = "[green]complete[/]" if store.complete else f"[red]incomplete: {escape(store.reason)}[/]"
        about = "~" if store.about else ""
        datasets, records, *rest = map(number, (store.datasets, store.records, store.personal, store.review))
        made.add_row(store.store, state, datasets, f"{about}{records}", *rest)
    return made


_CUT = {
    "time": "sampled from the first records instead of by hash, since time was up",
    "size": "sampled in part, since their texts are large",
}


def gap_lines(result: ScanResult) -> Iterator[str]:
    """One line per store and kind of gap, with what to do about it."""
    gaps: dict[tuple[str, str], list[str]] = {}
    remedies: dict[tuple[str, str], str] = {}
    for finding in result.findings:
        key = (finding.store, finding.gap.value)
        place = ".".join(part for part in (finding.location, finding.field) if part)
        gaps.setdefault(key, []).append(place)
        remedies[key] = finding.remedy
    for each in result.stores:
        if each.unchanged:
            yield f"{each.store}: {each.unchanged} of {each.datasets} datasets have not changed since the last scan."
        for bound in sorted({bound for _, bound in each.cut}):
            places = [place for place, why in each.cut if why == bound]
            yield f"{each.store}: {_CUT[bound]}: {listed(places, most=12)}."
        for special in sorted({category for _, _, category, _ in each.special}):
            said = [f"{place}.{name} ({share:.0%})" for place, name, its, share in each.special if its == special]
            what = f"texts tell of `{special}`, a special category (GDPR Art. 9, 10)"
            yield f"{each.store}: {what}: {listed(said, most=12)}."
        for dataset in dict.fromkeys(name for name, _ in each.undecided):
            why = "; ".join(str(column) for name, column in each.undecided if name == dataset)
            yield f"{each.store}.{dataset}: {why}. No row of it goes as a whole until somebody has decided."
    for (store, gap), places in gaps.items():
        yield f"{store}, {gap}: {listed(places, most=12)}. {remedies[store, gap]}."


def outcome_table(summary: RunSummary) -> Table:
    """One row per step: what was planned, done, no longer due, and what is left."""
    title = "Nothing was left to do" if summary.nothing_to_do else f"Plan {summary.plan[:12]} applied"
    counts = {"planned": "", "acted": "", "no longer due": "stale", "held back": "held_back", "left": ""}
    if not summary.counts.get("held_back"):
        del counts["held back"]
    made = table(title, ("dataset", "action", *counts, "complete"), tuple(counts))
    for step in summary.steps:
        known = {"planned": step.planned, "acted": step.acted, "left": step.left}
        told = (known.get(name, step.outcomes.get(outcome, 0)) for name, outcome in counts.items())
        done = "[green]yes[/]" if step.complete else "[red]no[/]"
        made.add_row(f"{step.store}.{step.dataset}", step.action, *map(number, told), done)
    return made


def unfit_lines(summary: RunSummary) -> Iterator[str]:
    """Which steps were carried out in ranges, though the plan had chosen otherwise, and why."""
    for step in summary.steps:
        for each in step.unfit:
            yield f"{step.store}.{step.dataset} was acted on in ranges: it did not fit any more ({each})"


def residue_lines(summary: RunSummary) -> Iterator[str]:
    """What remains in each store, until when; what nobody has declared, with where to do so."""
    told: dict[tuple[str, str], list[str]] = {}
    for each in summary.residue:
        until = f"until {each.expires}" if each.expires else ""
        if not until and each.declare:
            until = f"no expiry is declared: declare {each.declare}"
        told.setdefault((each.store, each.kind.partition(":")[0] if until else each.kind), []).append(until)
    for (store, kind), untils in told.items():
        yield f"{store}, what remains: {kind}" + (f" ({untils[-1]})" if untils[-1] else "")


def findings_table(findings: Sequence[Finding]) -> Table:
    """Each failed check with its remedy; then one row per expectation that held, with where it was checked."""
    made = table("Verification", ("result", "expectation", "where", "expected", "seen"), ("expected", "seen"))
    held: dict[str, list[str]] = {}
    for each in findings:
        where = ".".join(part for part in (each.store, each.dataset) if part)
        if each.passed:
            held.setdefault(each.expectation, []).append(where)
            continue
        seen = "not measured" if each.seen is None else f"{each.seen:,}"
        what = escape(f"{each.expectation}: {each.measure}" if each.measure else each.expectation)
        result = "[red]failed[/]" if each.blocking else "[yellow]warning[/]"
        made.add_row(result, f"{what}\n[yellow]{escape(each.remedy)}[/]", where, each.allowed, seen)
    for expectation, places in held.items():
        where = escape(listed(list(dict.fromkeys(places))))
        count = f"{len(places)} {'check' if len(places) == 1 else 'checks'}"
        made.add_row("[green]passed[/]", f"{escape(expectation)} ({count})", where, "", "")
    return made


def suites_table(suites: Sequence[Suite]) -> Table:
    """One row per expectation of a dataset: when it is looked at, and how many counts it takes."""
    made = table("Expectations", ("where", "when", "expectation", "counts"), ("counts",))
    counted: dict[tuple[str, str, str], int] = {}
    for suite in suites:
        for check in suite.checks:
            place = f"{suite.store}.{check.dataset}", suite.stage.value, check.expectation
            counted[place] = counted.get(place, 0) + 1
    for (where, stage, expectation), count in counted.items():
        made.add_row(escape(where), stage, escape(expectation), f"{count:,}")
    return made


def plans_table(plans: Sequence[PlanRecord]) -> Table:
    """One row per stored plan, the newest first."""
    made = table("Plans", ("plan", "controller", "as of", "status", "made", "by"), whole=("plan", "as of", "made"))
    for each in plans:
        made.add_row(
            each.digest[:12], escape(each.controller), f"{each.as_of}", each.status.value,
            f"{each.made_at:%Y-%m-%d %H:%M}", escape(each.made_by or ""),
        )  # fmt: skip
    return made


def holds_table(holds: Sequence[HoldRecord]) -> Table:
    """One row per hold; persons and records appear as `narrow` alone."""
    columns = ("hold", "case", "covers", "since", "released", "opened by", "released by")
    made = table("Holds", columns, ("hold",))
    for each in holds:
        scope = each.scope
        where = ".".join(part for part in (scope.store, scope.dataset) if part) or "everything"
        narrow = " (one person or record)" if scope.subject or scope.record else ""
        kinds = f" [{', '.join(sorted(scope.categories))}]" if scope.categories else ""
        released = f"asked by {each.asked_by}" if each.asked_by else ""
        released = escape(released) if each.until is None else each.until.isoformat()
        covers = escape(f"{where}{narrow}{kinds}")
        by = escape(each.opened_by), escape(each.released_by or "")
        made.add_row(f"{each.id}", escape(each.case), covers, each.since.isoformat(), released, *by)
    return made


def requests_table(requests: Sequence[RequestRecord]) -> Table:
    """One row per request; persons do not appear."""
    columns = ("request", "right", "of", "ends by", "since", "recorded by", "state")
    made = table("Requests", columns, ("request",), whole=("right", "state"))
    for each in requests:
        state = "retracted" if each.retracted_by else "counts"
        events = escape(", ".join(sorted(each.events)))
        made.add_row(
            f"{each.id}", each.right.value, escape(each.controller), events, each.on.isoformat(),
            escape(each.recorded_by), escape(state),
        )  # fmt: skip
    return made
