"""What the report's template shows, in one language: counts brought together, the longest lists cut, plots drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from expectations.findings import Finding, Stage
from pipelines.plan.artefact import Action, Place, Plan, Step, Tally
from pipelines.report.decisions import decisions
from pipelines.report.model import Anonymity, Done, ReportData, Series
from pipelines.report.plots import (
    cells_plot,
    measure_in,
    size_counts,
    size_said,
    standing_plot,
    statistic_plot,
    trend_plots,
)  # fmt: skip
from pipelines.report.uncompared import Uncompared, uncompared
from pipelines.report.verdict import Numbers, Verdict, numbers, verdict
from pipelines.report.ways import Otherwise, gone, otherwise
from pipelines.report.wording import Wording
from pipelines.verify.copies import NOWHERE_ELSE
from retention_rules.policy_table import Line, explain

_LARGEST: Final = 3
"""How many datasets and rules the first page names."""

_MOST_DECISIONS: Final = 4
_MOST_DRAWN: Final = 40
"""How many datasets the plot of what stood how has room for."""

FEW: Final = 60
"""Up to so many rows a part of the page is open from the start."""

_PARTS: Final = ("found", "kept", "archived", "due", "held", "undetermined", "done")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the records of several tallies stand together."""

    name: str
    tallies: tuple[Tally, ...]
    found: int = 0
    kept: int = 0
    archived: int = 0
    due: int = 0
    held: int = 0
    undetermined: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A purpose that ended: for how many acts that were due, with what the policy says of it where that is known."""

    name: str
    acts: int
    line: Line | None

    @property
    def source(self) -> str:
        """Where the rule comes from; empty where that is not known."""
        return self.line.source if self.line else ""


@dataclass(frozen=True, slots=True)
class Act:
    """One step of the plan and what became of it; ``ways`` of acting on its rows, those too that were given up."""

    step: Step
    done: Done
    ways: Sequence[tuple[str, int]]
    otherwise: Sequence[Otherwise]


def view(data: ReportData, wording: Wording) -> dict[str, Any]:
    """The values of `report.html.j2`."""
    plan = data.plan
    waiting = decisions(data, wording)
    rules = _rules(data, wording)
    acts = _acts(data)
    drawn = sorted(_datasets(plan.tallies), key=lambda each: -each.found)[:_MOST_DRAWN]
    return {
        "d": data,
        "wording": wording,
        "Action": Action,
        "few": FEW,
        "gone": _gone(data.done),
        "largest": _largest(data.done),
        "stands": _standing("", plan.tallies),
        "moved": _moved(plan),
        "rules": rules,
        "first_rules": rules[:_LARGEST],
        "lateness": max((each.lateness for each in data.done), default=0),
        "decisions": waiting[:_MOST_DECISIONS],
        "more_decisions": max(0, len(waiting) - _MOST_DECISIONS),
        "groups": sum(len(series.cells) for series in data.statistics),
        "failed": [finding for finding in data.findings if finding.blocking],
        "warned": [finding for finding in data.findings if not finding.passed and not finding.blocking],
        "verified": any(finding.stage is Stage.AFTER for finding in data.findings),
        "verdict": verdict(data),
        "Verdict": Verdict,
        "numbers": numbers(data),
        "uncompared": uncompared(data),
        "Uncompared": Uncompared,
        "Numbers": Numbers,
        "weak": [each for each in data.anonymity if each.small],
        "unturned": sum(each.unturned for each in data.anonymity),
        "stages": [(stage, _kinds(data.findings, stage)) for stage in Stage],
        "chosen": [each for each in acts if each.ways],
        "acts": [(store, list(of)) for store, of in _by_store(acts).items()],
        "stores": [_standing(store, of) for store, of in _by_store(plan.tallies).items()],
        "categories": _categories(plan.tallies),
        "datasets": len({(each.store, each.dataset) for each in plan.tallies}),
        "drawn": len(drawn),
        "standing": standing_plot([(each.name, _bars(each)) for each in drawn], wording, "standing") if drawn else "",
        "statistics": [_drawn(series, wording, number) for number, series in enumerate(data.statistics)],
        "sizes": [
            (each, cells_plot(each, wording, f"cells-{number}") if each.sizes else "", _sized(each, wording))
            for number, each in enumerate(data.anonymity)
        ],
        "copies": sorted(
            (each for each in data.findings if each.expectation == NOWHERE_ELSE), key=lambda each: each.passed
        ),
        "exact": _exact(data),
        "trends": trend_plots(data.runs, wording, "trends") if len(data.runs) > 1 else "",
        "undetermined": sorted(
            (each for each in _datasets(plan.tallies) if each.undetermined), key=lambda each: -each.undetermined
        ),
    }


def _gone(done: Sequence[Done]) -> dict[str, int]:
    names = ("deleted", "anonymised", "redacted", "archived", "stale", "left")
    return {name: sum(getattr(each, name) for each in done) for name in names}


def _largest(done: Sequence[Done]) -> list[tuple[str, int]]:
    acted = Counter[str]()
    for each in done:
        acted[f"{each.store}.{each.dataset}"] += each.acted
    return [(name, count) for name, count in acted.most_common(_LARGEST) if count]


def _rules(data: ReportData, wording: Wording) -> list[Rule]:
    counted = Counter[str]()
    for step in data.plan.steps:
        counted.update(dict(step.purposes))
    said = {line.purpose: line for line in explain(data.policy, wording.language).lines} if data.policy else {}
    return [Rule(name, count, said.get(name)) for name, count in counted.most_common()]


def _acts(data: ReportData) -> list[Act]:
    done = {each.step: each for each in data.done}
    waiting = (Done(step.id, step.store, step.dataset, left=step.count) for step in data.plan.steps)
    acts = [(step, done.get(step.id, none)) for step, none in zip(data.plan.steps, waiting, strict=True)]
    return [Act(step, became, gone(step, became), list(otherwise(step, became))) for step, became in acts]


def _by_store(several: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for each in several:
        found[(each.step if isinstance(each, Act) else each).store].append(each)
    return found


def _standing(name: str, tallies: Sequence[Tally]) -> Standing:
    return Standing(name, tuple(tallies), *(sum(getattr(each, part) for each in tallies) for part in _PARTS))


def _datasets(tallies: Sequence[Tally]) -> list[Standing]:
    found: dict[str, list[Tally]] = defaultdict(list)
    for each in tallies:
        found[f"{each.store}.{each.dataset}"].append(each)
    return [_standing(name, of) for name, of in found.items()]


def _categories(tallies: Sequence[Tally]) -> list[Standing]:
    found: dict[str, list[Tally]] = defaultdict(list)
    for each in tallies:
        found[each.category].append(each)
    return [_standing(name, found[name]) for name in sorted(found)]


def _moved(plan: Plan) -> int:
    """How many of what law and claims alone keep are apart already, or go there with this run."""
    there = sum(tally.archived for tally in plan.tallies if tally.place is Place.ARCHIVE)
    going = sum(step.count * len(step.categories) for step in plan.steps if step.action is Action.ARCHIVE)
    return min(there + going, sum(tally.archived for tally in plan.tallies))


def _bars(each: Standing) -> list[tuple[str, int]]:
    return [
        ("kept", each.kept), ("archived", each.archived), ("held", each.held), ("undetermined", each.undetermined),
        ("gone", each.due + each.done),
    ]  # fmt: skip


def _kinds(findings: Sequence[Finding], stage: Stage) -> list[tuple[str, list[Finding], list[Finding]]]:
    """The expectations of one stage by name: those that failed, those that passed; with failures first."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        if each.stage is stage:
            found[each.expectation].append(each)
    kinds = [(name, [e for e in of if not e.passed], [e for e in of if e.passed]) for name, of in found.items()]
    return sorted(kinds, key=lambda kind: not kind[1])


def _drawn(series: Series, wording: Wording, number: int) -> tuple[Series, str, str]:
    plot = statistic_plot(series, wording, f"statistic-{number}") if series.shown else ""
    return series, measure_in(series, wording), plot


def _sized(each: Anonymity, wording: Wording) -> list[tuple[str, int, bool]]:
    """The ranges of sizes of cells, with how many there are, and whether there may be any."""
    return [(size_said(low, most, wording), count, low >= each.required) for low, most, count in size_counts(each)]


def _exact(data: ReportData) -> list[str]:
    """The exact columns of datasets where it was not measured that their groups are large enough all the same."""
    hidden = tuple(f"{each.store}.{each.dataset}." for each in data.anonymity if each.reached)
    return [column for column in data.kept_exactly if not column.startswith(hidden)]
