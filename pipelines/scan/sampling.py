"""How much of a store a scan reads: a bounded sample of what has changed, and nothing of what has not.

A dataset is read again unless its store gives a token of change that is the same as at the last look, its columns are
the same, and the classification is made of the same files. A verdict also rests on the tables that its table points
at: where one of those has changed, the verdict is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Connector, DatasetShape, Inventory, Kind
from pipelines.classify.verdict import ColumnVerdict, Evidence, Source, Verdict
from pipelines.engine.verdicts import LastLook
from pipelines.scan.made_of import CLASSIFYING, made_of
from pipelines.scan.sources import source_of_shape

ROWS = 300
"""Records of a table that are sampled: by a stable hash, so that two scans agree. Only the verdict rests on them."""

ITEMS = 40
"""Mails or meetings of a container that are sampled."""

CHARACTERS = 4_000_000
"""Characters of one dataset that are kept for classification; what comes after them is not looked at."""

SECONDS = 10.0
"""How long a store may take to choose one dataset's sample."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What verdicts on a dataset rest on: how many records, and which bound cut the sample (`time`, `size`), if any."""

    records: int
    cut: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The texts of a sample, by field."""

    texts: Mapping[str, Sequence[str]]
    note: Sampled


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last look at a location said, and under which signs it still holds."""

    signs: str
    verdicts: tuple[ColumnVerdict, ...]
    sample: Sampled


@dataclass(frozen=True, slots=True)
class Needed:
    """The locations to judge, those to read for it, and those whose verdicts stand."""

    judge: frozenset[str]
    read: frozenset[str]
    unchanged: frozenset[str]


def sampled(connector: Connector, shape: DatasetShape) -> Sample:
    """A bounded sample of one table, mailbox or calendar."""
    texts: dict[str, list[str]] = defaultdict(list)
    records = size = 0
    cut = ""
    limit = ROWS if shape.kind is Kind.ROWS else ITEMS
    found = connector.sample(source_of_shape(shape), limit, SECONDS)
    with contextlib.closing(found):  # type: ignore[type-var]  # every connector's is a generator
        for document in found:
            records += 1
            for name, text in document.fields.items():
                texts[name].append(text)
                size += len(text)
            if not document.by_hash:
                cut = "time"
            if size > CHARACTERS:
                cut = "size"
                break
    return Sample(texts, Sampled(records, cut))


def to_read(inventory: Inventory, before: Mapping[str, Remembered]) -> Needed:
    """What has to be read and judged again, after what the last look saw."""
    changed = {
        shape.location
        for shape in inventory.datasets
        if not signs(shape) or shape.location not in before or before[shape.location].signs != signs(shape)
    }
    pointing = {s.location for s in inventory.datasets if any(each.location in changed for each in s.references)}
    judge = changed | pointing
    context = {each.location for s in inventory.datasets if s.location in judge for each in s.references}
    everything = {shape.location for shape in inventory.datasets}
    return Needed(frozenset(judge), frozenset(judge | context), frozenset(everything - judge))


def signs(shape: DatasetShape) -> str:
    """What stays the same as long as verdicts on a dataset hold; empty where the store gives no token of change."""
    if not shape.token:
        return ""
    columns = [(each.name, each.type) for each in shape.fields]
    links = [(each.columns, each.location) for each in shape.references]
    parts = [shape.token, columns, shape.key, links, ROWS, ITEMS, made_of(CLASSIFYING)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


# -- as the engine database keeps it


def kept(verdicts: Sequence[ColumnVerdict], sample: Sampled) -> dict[str, Any]:
    """Verdicts and what they rest on, as JSON types; no value is among them."""
    return {"records": sample.records, "cut": sample.cut, "verdicts": [_written(each) for each in verdicts]}


def remembered(look: LastLook) -> Remembered:
    """What `kept` has written."""
    body = look.body
    verdicts = tuple(_read(each) for each in body["verdicts"])
    return Remembered(look.token, verdicts, Sampled(body["records"], body["cut"]))


def _written(verdict: ColumnVerdict) -> dict[str, Any]:
    return {
        "column": verdict.column,
        "verdict": verdict.verdict.value,
        "category": verdict.category,
        "evidence": [[each.source.value, each.says, each.share] for each in verdict.evidence],
        "inside": [_written(each) for each in verdict.inside],
    }


def _read(body: Mapping[str, Any]) -> ColumnVerdict:
    evidence = tuple(Evidence(Source(source), says, share) for source, says, share in body["evidence"])
    inside = tuple(_read(each) for each in body["inside"])
    return ColumnVerdict(body["column"], Verdict(body["verdict"]), body["category"], evidence, inside)
