"""The report for machines: what its schema says, and nothing that the page does not say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from report_samples import hostile, not_applied, ordinary

from pipelines.report.document import render_json, schema
from pipelines.report.model import ReportData


def problems(document: Any) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema()).iter_errors(document)]


@pytest.mark.parametrize("make", [ordinary, hostile, not_applied])
def test_the_document_is_what_the_schema_says(make: Callable[[], ReportData]) -> None:
    Draft202012Validator.check_schema(schema())
    assert problems(json.loads(render_json(make()))) == []


def test_the_schema_knows_every_property_of_the_document() -> None:
    document = json.loads(render_json(ordinary()))
    assert set(document) == set(schema()["properties"])
    parts = {"tally": "tallies", "step": "steps", "evidence": "evidence"}
    kinds = {
        "approver": document["approver"], "done": document["done"][0], "purpose": document["purposes"][0],
        "finding": document["findings"][0], "statistic": document["statistics"][0], "hold": document["holds"][0],
        "cell": document["statistics"][0]["cells"][0], "anonymity": document["anonymity"][0],
        "residue": document["residue"][0], "unclassified": document["unclassified"][0], "run": document["runs"][0],
        "plan": document["plan"], "registered": document["registered"][0],
        **{kind: document["plan"][part][0] for kind, part in parts.items()},
    }  # fmt: skip
    for kind, found in kinds.items():
        assert set(schema()["$defs"][kind]["required"]) <= set(schema()["$defs"][kind]["properties"])
        optional = set(schema()["$defs"][kind]["properties"]) - set(schema()["$defs"][kind]["required"])
        assert set(found) | optional == set(schema()["$defs"][kind]["properties"]), kind


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("plan_digest"),
        lambda document: document.update(plan_digest="x"),
        lambda document: document["done"][0].update(deleted=-1),
        lambda document: document["statistics"][0]["cells"][0].update(before=3.5),
        lambda document: document["findings"][0].update(stage="later"),
        lambda document: document["plan"]["tallies"][0].pop("undetermined"),
        lambda document: document["runs"][0].update(failed="none"),
    ],
)
def test_a_document_that_is_not_one_is_noticed(spoil: Callable[[Any], object]) -> None:
    document = json.loads(render_json(ordinary()))
    spoil(document)
    assert problems(document)


def test_it_says_what_the_page_says() -> None:
    document = json.loads(render_json(ordinary()))
    assert document["passed"]
    assert document["numbers_hold"]
    assert document["applied"]
    assert document["plan"]["steps"][0]["count"] == 12
    assert document["plan"]["steps"][1]["declined"] == [
        {"strategy": "drop_partition", "reason": "no partition is due as a whole"}
    ]
    assert document["done"][1]["ways"] == [
        {"strategy": "rewrite", "records": 900}, {"strategy": "ranges", "records": 500},
    ]  # fmt: skip
    assert document["done"][1]["impeded"][0] == {"strategy": "rewrite", "obstacle": "lock"}
    assert document["anonymity"][0]["sizes"] == [["11-21", 3], ["22-43", 9], ["88 and more", 1]]
    assert document["approver"]["at"] == "2026-06-30T12:00:00+00:00"
    first, *_, joint, waiting, few = document["statistics"][0]["cells"]
    assert [joint[name] for name in ("before", "live", "ledger", "both")] == ["4321", None, None, "4321"]
    assert [first[name] for name in ("label", "before", "live", "ledger")] == ["2025-01", "30", "10", "20"]
    for hidden, why in ((waiting, "pending"), (few, "few")):
        assert [hidden[name] for name in ("label", "before", "live", "ledger", why)] == [None, None, None, None, True]
    before = json.loads(render_json(not_applied()))
    assert (before["applied"], before["stopped"]["unmet"]) == (False, False)
