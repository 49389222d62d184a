"""The report's data as JSON for machines; `report.schema.json` says what it holds."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, replace
from importlib import resources
from typing import Any

from pipelines.report.model import ReportData
from pipelines.report.uncompared import why
from pipelines.report.verdict import numbers, verdict
from retention_rules.policy_table import explain

FORMAT = 1
"""The version of the document; it rises when something that was there is gone or means something else."""


def render_json(data: ReportData) -> str:
    """The report as JSON, decimals and dates as text."""
    found = verdict(data)
    document = asdict(replace(data, policy=None)) | {
        "format": FORMAT,
        "plan": data.plan.document(),
        "applied": data.applied,
        "verdict": found.value,
        "passed": found.passed,
        "numbers": numbers(data).value,
        "numbers_hold": data.numbers_hold,
        "registered": [asdict(each) | {"uncompared": why(data, each)} for each in data.registered],
        "purposes": [asdict(line) for line in explain(data.policy).lines] if data.policy else [],
    }
    del document["policy"]
    for series, measured in zip(document["statistics"], data.statistics, strict=True):
        for cell, counted in zip(series["cells"], measured.cells, strict=True):
            cell["before"] = counted.before
    return json.dumps(document, default=_plain, indent=1, ensure_ascii=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = resources.files("pipelines.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
