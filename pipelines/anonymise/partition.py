"""The safe partition that a data map declares, as the expressions of one store: how its columns become coarser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape, FieldShape
from connectors.sql.partition import Hierarchy, Layout
from connectors.sql.types import comparable
from pipelines.anonymise import generalise
from pipelines.anonymise.constants import constant
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.regions import region
from pipelines.anonymise.replacement import Coarse, Constant, Replacement, TechniqueUnfit
from pipelines.anonymise.techniques import technique_for
from pipelines.data_map.model import Anonymity, DatasetMap

Expression = sa.ColumnElement[Any]

VALUE, ANY = "value", "any"
HIERARCHIES = (
    (VALUE, "month", "quarter", "year", "decade", ANY),
    (VALUE, "department", ANY),
    (VALUE, "region", ANY),
)
"""How a column can be at a level, from fine to coarse: dates, postcodes; anything else is its value or `any`."""

_TECHNIQUES: dict[str, Callable[[FieldShape], Replacement]] = {
    "month": generalise.month,
    "quarter": generalise.quarter,
    "year": generalise.year,
    "decade": generalise.decade,
    "department": generalise.department,
    "region": region,
    ANY: generalise.anything,
}
NAMES = frozenset({VALUE, *_TECHNIQUES})
"""Every way in which a level can have a column."""
_AMOUNT = "MONEY"
"""PostgreSQL's amounts with a currency's sign, which it neither rounds nor adds to numbers."""
HIDDEN = "hidden:row"
"""The category of the mark of a row that was turned to a bucket; no category of a policy has a colon."""


def coarser(fine: str, coarse: str) -> bool:
    """Whether one way to have a column is the other or coarser."""
    return any(
        {fine, coarse} <= set(chain) and chain.index(fine) <= chain.index(coarse) for chain in HIERARCHIES
    )  # fmt: skip


def step(shape: FieldShape, name: str) -> Replacement | None:
    """How a column becomes what a level has of it; None where it keeps its value.

    Raises:
        TechniqueUnfit: the column's type has no such level.
    """
    return None if name == VALUE else _TECHNIQUES[name](shape)


def steps(anonymity: Anonymity, column: str) -> tuple[str, ...]:
    """How each level has a column."""
    return tuple(level.get(column, ANY) for level in anonymity.partition)


def left_forms(dataset: DatasetMap, shape: FieldShape) -> Iterator[Replacement]:
    """What the partition can have made of a field, beside what its own technique makes of it."""
    anonymity = dataset.anonymity
    if anonymity is not None and shape.name in anonymity.columns:
        for name in dict.fromkeys(steps(anonymity, shape.name)):
            found = step(shape, name)
            if found is not None:
                yield found


def stays(dataset: DatasetMap, shape: DatasetShape) -> Iterator[FieldShape]:
    """The columns that nobody has said anything about: they stay as they are, and count for k.

    A field whose technique depends on what was there is one of them: it counts as coarse as it becomes. So is each
    column of a key of several, which says something by itself, and one that chooses the dataset's rows by several
    values: nothing makes these coarser.
    """
    anonymity = dataset.anonymity or Anonymity()
    named = {*anonymity.columns, *anonymity.measures, *anonymity.free, *_telling_nothing(dataset, shape)}
    named |= {anonymity.link} if anonymity.link else set()
    for field in shape.fields:
        if field.name not in named and depends(dataset, field):
            yield field


def _telling_nothing(dataset: DatasetMap, shape: DatasetShape) -> set[str]:
    """What tells rows apart and nothing of them, and what is the same in all of them."""
    same = {name for name, values in dataset.where.items() if len(set(values)) == 1}
    return same | {name for key in (shape.key, dataset.key) if len(key) == 1 for name in key}


def depends(dataset: DatasetMap, field: FieldShape) -> bool:
    """Whether an anonymised row says anything in this column of what was there."""
    return field.name not in dataset.personal or isinstance(_technique(dataset, field).assignment, Coarse)


def layout(
    dataset: DatasetMap,
    shape: DatasetShape,
    table: sa.Table,
    key: tuple[str, ...],
    where: Expression,
    dialect: str,
    link: Hierarchy | None = None,
) -> Layout:
    """The partition of a dataset over its reflected table; ``link``: where the link to a person's row leads by it.

    Raises:
        TechniqueUnfit: a column's type has no such level, or a column that stays cannot be compared.
    """
    anonymity = dataset.anonymity
    assert anonymity is not None, "asked of datasets that declare it"  # noqa: S101
    fields = {each.name: each for each in shape.fields}
    own = [name for name in anonymity.columns if name != anonymity.link]
    found = [_hierarchy(fields[name], table.c[name], steps(anonymity, name), dialect) for name in own]
    found += [_fixed(dataset, field, table.c[field.name], dialect, anonymity) for field in stays(dataset, shape)]
    subject = anonymity.subject
    if anonymity.link is not None:
        same = tuple([lambda value: value] * len(anonymity.partition))
        found.append(link or Hierarchy(anonymity.link, table.c[anonymity.link], same))
        subject = subject if link else None  # nobody can tell any more whose a row is that was turned
    turned = anonymity.link is not None
    return Layout(table, key, tuple(found), anonymity.measures, anonymity.k, where, subject, turned)


def _hierarchy(field: FieldShape, column: Expression, names: tuple[str, ...], dialect: str) -> Hierarchy:
    first = names[0]

    def at(name: str) -> Callable[[Expression], Expression]:
        made = None if name == first else step(field, name)
        return (lambda value: value) if made is None else (lambda value: _expression(value, column, made, dialect))

    made = step(field, first)
    finest = column if made is None else _expression(column, column, made, dialect)
    return Hierarchy(field.name, finest, tuple(at(name) for name in names))


def _fixed(dataset: DatasetMap, field: FieldShape, column: Expression, dialect: str, anonymity: Anonymity) -> Hierarchy:
    """A column that is the same at every level.

    Raises:
        TechniqueUnfit: nobody can tell whether two of its values are the same.
    """
    if not comparable(column.type):
        why = "its values are not compared; put it among `free` if it tells of nobody, else map it as personal"
        raise TechniqueUnfit(VALUE, field, why)
    same = tuple([lambda value: value] * len(anonymity.partition))
    if field.name not in dataset.personal:
        return Hierarchy(field.name, column, same, written=False)
    finest = _expression(column, column, _technique(dataset, field), dialect)
    return Hierarchy(field.name, finest, same)


def _technique(dataset: DatasetMap, field: FieldShape) -> Replacement:
    mapped = dataset.personal[field.name]
    return technique_for(mapped.category, field, mapped.technique, mapped.options)


def _expression(value: Expression, column: Expression, replacement: Replacement, dialect: str) -> Expression:
    match replacement.assignment:
        case Coarse(build):
            return build(value, dialect)
        case Constant(given):
            if given is not None:
                return constant(given, column, dialect)
            return sa.cast(sa.null(), column.type) if dialect == "postgresql" else sa.null()
        case _:
            raise TechniqueUnfit(replacement.technique, FieldShape(str(column), ""), "it is no step of a partition")


def averaged(field: FieldShape) -> bool:
    """Whether a column can be a measure: a number, of a type that computes with numbers."""
    return family_of(field.type) in {Family.INTEGER, Family.DECIMAL} and field.type.upper() != _AMOUNT
