"""The data-quality report as one HTML file, and the same as JSON for machines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pipelines.plan.artefact import Action, Place, Plan, Tally
from pipelines.report.model import ReportData
from pipelines.report.plots import decision_plot, statistic_plot

_LARGEST = 4


def render_html(data: ReportData) -> str:
    """The report as self-contained HTML: no external request, light and dark, printable."""
    return page("report.html.j2", _view(data))


def page(template: str, view: Mapping[str, Any]) -> str:
    """A page of one file from a template of this room; ``n`` writes numbers with thin groups."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["n"] = lambda value: f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")
    return environment.get_template(template).render(view)


def render_json(data: ReportData) -> str:
    """The report's data as JSON, decimals and dates as text."""
    document = asdict(data) | {"plan": data.plan.document(), "passed": data.passed, "numbers_hold": data.numbers_hold}
    return json.dumps(document, default=str, indent=1)


def _view(data: ReportData) -> dict[str, Any]:
    gone = Counter[str]()
    for each in data.done:
        gone.update(deleted=each.deleted, anonymised=each.anonymised, redacted=each.redacted)
        gone.update(stale=each.stale, left=each.left)
    stands = _stands(data.plan)
    return {
        "d": data,
        "gone": {name: gone[name] for name in ("deleted", "anonymised", "redacted", "stale", "left")},
        "stands": stands,
        "largest": sorted(data.done, key=lambda each: -(each.deleted + each.anonymised + each.redacted))[:_LARGEST],
        "rules": _rules(data),
        "lateness": max((each.lateness for each in data.done), default=0),
        "decisions": list(_decisions(data)),
        "cells": sum(len(series.cells) for series in data.statistics),
        "failed": [finding for finding in data.findings if not finding.passed],
        "ordered": sorted(data.findings, key=lambda finding: finding.passed),
        "standing": decision_plot(_bars(data.plan.tallies)),
        "plots": [(series, statistic_plot(series)) for series in data.statistics],
    }


def _rules(data: ReportData) -> list[tuple[str, int, str]]:
    counted = Counter[str]()
    for step in data.plan.steps:
        counted.update(dict(step.purposes))
    return [(name, count, data.sources.get(name, "")) for name, count in counted.most_common(_LARGEST + 1)]


def _stands(plan: Plan) -> dict[str, int]:
    names = ("kept", "archived", "due", "held", "undetermined")
    counts = {name: sum(getattr(tally, name) for tally in plan.tallies) for name in names}
    there = sum(tally.archived for tally in plan.tallies if tally.place is Place.ARCHIVE)
    going = sum(step.count * len(step.categories) for step in plan.steps if step.action is Action.ARCHIVE)
    return counts | {"moved": min(there + going, counts["archived"])}


def _decisions(data: ReportData) -> Iterator[str]:
    by_dataset: dict[tuple[str, str], int] = defaultdict(int)
    for tally in data.plan.tallies:
        key = (tally.store, tally.dataset)
        by_dataset[key] = max(by_dataset[key], tally.undetermined)
    for (store, dataset), count in sorted(by_dataset.items(), key=lambda item: -item[1])[:_LARGEST]:
        if count:
            yield f"{store}.{dataset}: up to {count} records lack a needed date or a certain match"
    for refusal in data.plan.refusals:
        yield f"{refusal.store}.{refusal.dataset}: {refusal.reason}"
    for note in data.plan.evidence:
        if not note.complete:
            yield f"{note.event} from {note.store}.{note.dataset} is incomplete: {note.reason}"


def _bars(tallies: tuple[Tally, ...]) -> list[tuple[str, list[tuple[str, int]]]]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for tally in tallies:
        parts = {"kept": tally.kept, "archived": tally.archived, "held": tally.held}
        sums[f"{tally.store}.{tally.dataset}"].update(
            parts | {"gone": tally.due + tally.done, "undetermined": tally.undetermined}
        )
    order = ("kept", "archived", "held", "undetermined", "gone")
    return [(name, [(part, counts[part]) for part in order]) for name, counts in sums.items()]
