"""From data maps to what a connector is asked, and from locations to dataset names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection

from connectors.base import DatasetShape, Kind, Source
from connectors.containers import matches
from pipelines.data_map.model import DatasetMap
from pipelines.scan.participants import SubjectKeys
from pipelines.subjects import MATCHING


def source_of(name: str, dataset: DatasetMap) -> Source:
    """What a connector needs to know of a mapped dataset."""
    return Source(name, dataset.source, dataset.key, dataset.where, dataset.exclude)


def source_of_shape(shape: DatasetShape) -> Source:
    """The whole of an inspected table, mailbox or calendar; a table without a key is sampled by all its columns."""
    rows = shape.kind is Kind.ROWS
    return Source(shape.location, shape.location, key_of(shape) or tuple(each.name for each in shape.fields if rows))


def key_of(shape: DatasetShape) -> tuple[str, ...]:
    """A table's primary key, else a column that is unique and never NULL, else nothing."""
    if shape.key:
        return shape.key
    return next(((each.name,) for each in shape.fields if each.unique and not each.nullable), ())


def covers(dataset: DatasetMap, shape: DatasetShape) -> bool:
    """Whether a mapped dataset speaks of an inspected one, to act on it or to leave it out by name."""
    if shape.kind is Kind.ROWS:
        return dataset.source == shape.location
    patterns = (dataset.source, *dataset.exclude)
    return any(matches(shape.location, pattern.replace("%", "*")) for pattern in patterns)  # `[Gmail]` is a name


def binding(source: Source, keys: SubjectKeys) -> str:
    """A digest of what the index of a dataset was made for: its source, scope, own addresses and the rules of matching.

    When one of them has changed since, the index does not answer for it any more.
    """
    parts = [MATCHING, source.location, list(source.exclude), keys.scope, list(keys.own)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def dataset_name(location: str, taken: Collection[str] = ()) -> str:
    """A dataset's name from its location: `public.InvoiceLine` is `invoice_line`; unique among those taken."""
    schema, _, table = location.rpartition(".")
    name = _plain(table) or "dataset"
    if name in taken and schema:
        name = f"{_plain(schema)}_{name}"
    count = 2
    unique = name
    while unique in taken:
        unique = f"{name}_{count}"
        count += 1
    return unique


def _plain(text: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    return re.sub(r"[^a-z0-9]+", "_", snake).strip("_").lstrip("0123456789_")
