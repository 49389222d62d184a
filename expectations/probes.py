"""Probes: counts taken from mail, calendars, files, ledgers and set queries, and the expectation that checks them.

Whoever takes a probe does the counting over a connection of its own; here a Great Expectations suite
(`suites/counts.yaml`) decides. Probes hold counts alone, so the suite may ask for the offending rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from expectations.context import ephemeral_context
from expectations.findings import Finding, Severity, Stage

NOT_TAKEN = -1
"""Stands in the validated table for a count that could not be taken."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One count and what it should be; ``seen`` is None where it could not be taken."""

    expectation: str
    store: str
    dataset: str
    measure: str
    expected: int
    seen: int | None
    remedy: str
    stage: Stage = Stage.AFTER
    severity: Severity = Severity.CRITICAL


def check_probes(probes: Sequence[Probe]) -> list[Finding]:
    """Validate the probes with the suite `counts`, and return one finding for each, in order.

    A probe that the suite objects to is a failed finding even if its counts agree, so that a person's stricter suite
    is obeyed.
    """
    if not probes:
        return []
    objected = _objections(probes)
    findings = [Finding(**asdict(probe)) for probe in probes]
    return [
        replace(finding, seen=None) if position in objected and finding.passed else finding
        for position, finding in enumerate(findings)
    ]


def _objections(probes: Sequence[Probe]) -> set[int]:
    import pandas as pd

    rows = [{"probe": position, **asdict(probe)} for position, probe in enumerate(probes)]
    frame = pd.DataFrame([{**row, "seen": NOT_TAKEN if row["seen"] is None else row["seen"]} for row in rows])
    sources = ephemeral_context().data_sources
    asset = sources.add_or_update_pandas("probes").add_dataframe_asset("probes")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["probe"]}
    result = batch.validate(_suite(), result_format=wanted)
    sources.delete("probes")
    objected: set[int] = set()
    for each in result.results:
        if each.success:
            continue
        listed = each.result.get("unexpected_index_list")
        objected |= {row["probe"] for row in listed} if listed else set(range(len(probes)))
    return objected


def _suite() -> Any:
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    text = resources.files("expectations").joinpath("suites/counts.yaml").read_text(encoding="utf-8")
    described = YAML(typ="safe", pure=True).load(text)
    suite = gx.ExpectationSuite(name=described["suite"])
    for each in described["expectations"]:
        arguments = {name: value for name, value in each.items() if name not in {"type", "meaning"}}
        suite.add_expectation(get_expectation_impl(each["type"])(**arguments))
    return suite
