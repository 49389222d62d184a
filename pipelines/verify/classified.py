"""What a reader of the store would still find: the classifier over what a run has overwritten.

Of the rows that a plan has marked, a sample by a stable hash, over a connection of its own. What is emptied, coarsened
or redacted must tell it nothing; what is replaced must be what a pool can give. Values are looked at and dropped; only
counts leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.sql.functions import record_key
from connectors.sql.journal import Journal
from expectations.probes import Probe
from pipelines.anonymise import generalise
from pipelines.anonymise.replacement import Coarse, Constant, Draw, Replacement
from pipelines.expect.outcome import by_category, replacements
from pipelines.verify.bystanders import reflected
from pipelines.verify.inventable import inventable

if TYPE_CHECKING:
    from connectors.base import DatasetShape, Inventory
    from pipelines.data_map.model import DatasetMap
    from pipelines.plan.artefact import Step

SILENT = "the classifier finds nothing in what was emptied, coarsened or redacted"
INVENTED = "what was replaced is what a pool can give"

SAMPLE = 200
"""Rows of a category of a dataset that are looked at; what every row must look like is another expectation's."""

_LONGEST = 20_000
"""Characters of a cell that are read."""


def classified_probes(
    connection: sa.Connection,
    inventory: Inventory,
    plan: str,
    datasets: Mapping[str, DatasetMap],
    steps: Sequence[Step],
) -> Iterator[Probe]:
    """For every field that a step has overwritten: how many sampled values tell something. The store has marks."""
    for name, dataset in datasets.items():
        shape = inventory.find(dataset.source)
        overwritten = {field for each in steps if each.dataset == name and not each.takes_rows for field in each.fields}
        if shape is None or not overwritten:
            continue
        for category, fields in by_category(dataset, shape).items():
            names = [field for field in fields if field in overwritten]
            if names:
                yield from _probes(connection, plan, (inventory.store, name), dataset, shape, category, names)


def _probes(
    connection: sa.Connection,
    plan: str,
    place: tuple[str, str],
    dataset: DatasetMap,
    shape: DatasetShape,
    category: str,
    names: Sequence[str],
) -> Iterator[Probe]:
    table = reflected(connection, dataset.source)
    texts = _texts(connection, table, dataset.key or shape.key, (place[1], category, plan), names)
    for field in names:
        technique, *others = replacements(dataset, shape, field)
        drawn = not isinstance(technique.assignment, (Constant, Coarse))
        expectation, measure = (
            (INVENTED, f"sampled values of {field} that no pool can give")
            if drawn
            else (SILENT, f"sampled values of {field} that tell something")
        )
        suspect = (text for text in texts[field] if not any(each.valid(text) for each in others))
        found = sum(1 for text in suspect if _tells(technique, text))
        remedy = f"Look at {'.'.join(place)}.{field}: its technique leaves too much, or something wrote to it."
        yield Probe(expectation, *place, measure, 0, found, remedy)


def _texts(
    connection: sa.Connection,
    table: sa.Table,
    key: tuple[str, ...],
    mark: tuple[str, str, str],
    names: Sequence[str],
) -> dict[str, list[str]]:
    """The distinct filled values of a sample of marked rows, by field. A mark's fingerprint is the stable hash."""
    chosen = Journal(connection.dialect).marks.sample(*mark, SAMPLE).subquery()  # before the rows are looked for
    columns = (sa.func.substr(sa.cast(table.c[each], sa.Text), 1, _LONGEST).label(each) for each in names)
    query = sa.select(*columns).where(record_key(table.c[each] for each in key) == chosen.c.record)
    found: dict[str, dict[str, None]] = {each: {} for each in names}
    for row in connection.execute(query).mappings():
        for each in names:
            if row[each]:
                found[each][row[each]] = None
    return {name: list(values) for name, values in found.items()}


def _tells(technique: Replacement, text: str) -> bool:
    """Whether a value is something that its technique does not give, or tells of somebody in spite of it."""
    from pipelines.classify.patterns import value_types
    from pipelines.classify.text import spans

    match technique.assignment:
        case Coarse():  # a place or a day stays, and k decides how many may share it; nothing that is somebody's may
            day = technique.technique in generalise.PERIODS and technique.valid(text)  # 9999-12-01 is no telephone
            return not day and bool(value_types(text))
        case Constant():
            return not technique.valid(text) and bool(value_types(text) or spans(text))
        case Draw() as draw:
            known = inventable(draw, text)
            return not technique.valid(text) if known is None else not known
        case _:
            return not technique.valid(text)
