"""From the data map to SQL: a registered statistic as a question to the rows of its dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.sql.connector import SqlConnector
from connectors.sql.functions import record_key
from connectors.sql.questions import Expression, Question, levels_of
from pipelines.anonymise.partition import HIDDEN
from pipelines.data_map.model import DatasetMap, Statistic, StoreMap
from pipelines.errors import Refused
from pipelines.plan.remembered import fields_of
from pipelines.scan.sources import source_of
from pipelines.statistics.groupings import grouping

_STRONG = frozenset({"exact", "canonical"})


@dataclass(frozen=True, slots=True)
class Registered:
    """A statistic of a dataset, and its question. ``digest``: of what it asks, however it is released."""

    dataset: str
    statistic: Statistic
    question: Question
    digest: str


def registered(
    connector: SqlConnector, store_map: StoreMap, dataset: str, *, plain: bool = False
) -> tuple[Registered, ...]:
    """Every registered statistic of a dataset.

    ``plain``: in what every client of the engine knows. In SQLite a row that was used anew for somebody else is then
    nobody's until it is anonymised again, since nothing else can tell it there.

    Raises:
        StoreMismatch: a table or column is not there.
    """
    mapped = store_map.datasets[dataset]
    source = source_of(dataset, mapped)
    if not mapped.statistics:
        return ()
    table, where, key = connector.table(source), connector.where(source), connector.key(source)
    found = []
    for statistic in mapped.statistics:
        connector.columns(source, statistic.columns)
        columns = subject_columns(store_map, mapped, statistic)
        alone = not columns or _unique(table, columns)
        question = Question(
            name=statistic.name,
            table=table,
            where=where,
            groupings=tuple(grouping(table.c[each.column], each, connector.dialect.name) for each in statistic.by),
            levels=levels_of(len(statistic.by), dropped(statistic)),
            amount=None if statistic.sum is None else table.c[statistic.sum],
            squares=statistic.squares,
            subject=_subject(table, columns, alone=alone) if columns else record_key(table.c[name] for name in key),
            alone=alone,
            columns=statistic.columns | frozenset(columns),
            **_forgetting(connector, dataset, mapped, () if alone else columns, plain=plain),
        )
        found.append(Registered(dataset, statistic, question, _digest(statistic, columns)))
    return tuple(found)


def _forgetting(
    connector: SqlConnector, dataset: str, mapped: DatasetMap, columns: Sequence[str], *, plain: bool
) -> dict[str, Any]:
    """How a row's subject is forgotten: by the categories of these columns, or by turning a link among them.

    Where no two rows have the same subject, what is put in its place is as good as the subject itself.
    """
    fields = {category: names for category, names in fields_of(mapped).items() if set(names) & set(columns)}
    turned = mapped.anonymity is not None and mapped.anonymity.link in columns
    forgotten = frozenset([*fields, *([HIDDEN] if turned else [])])
    if not forgotten or not _marked(connector):
        return {"forgotten": forgotten}
    source, marks = source_of(dataset, mapped), connector.journal.marks
    table, key = connector.table(source), connector.key(source)
    record, simple = record_key(table.c[name] for name in key), plain and connector.dialect.name == "sqlite"
    found = [
        marks.written(record, dataset, category)
        if category == HIDDEN or simple
        else marks.standing(table, key, dataset, category, fields[category])
        for category in sorted(forgotten)
    ]
    return {"forgotten": forgotten, "nobodys": sa.or_(*found)}


def _marked(connector: SqlConnector) -> bool:
    """Whether the store has marks."""
    with connector.reading() as connection:
        return connector.journal.exists(connection)


def refuse_changed(connection: sa.Connection, connector: SqlConnector, statistics: Iterable[Registered]) -> None:
    """Refuse statistics that ask something else than the ledger has kept under their names.

    ``connection`` is in a transaction of the writing role.

    Raises:
        Refused: naming the first.
    """
    for each in statistics:
        if not connector.journal.tally.recognise(connection, each.dataset, each.statistic.name, each.digest):
            raise Refused(
                f"the statistic {each.statistic.name} asks something else than before",
                f"{connector.store}.{each.dataset}",
                "Give it a new name in the data map: what the ledger has kept under this one answers the old question.",
            )


def _digest(statistic: Statistic, subject: tuple[str, ...]) -> str:
    by = [(each.column, each.by) for each in statistic.by]
    asked = [by, statistic.sum, statistic.squares, dropped(statistic), subject]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def subject_columns(store_map: StoreMap, dataset: DatasetMap, statistic: Statistic) -> tuple[str, ...]:
    """The columns that tell persons apart: as the statistic says, else the dataset's link, else that of its parent.

    Empty where there is none: then each row counts as a person.
    """
    if statistic.subject:
        return statistic.subject
    own = next((each.columns for each in dataset.subjects if each.columns and each.strength in _STRONG), ())
    if own:
        return own
    for parent in dataset.inherits:
        above = store_map.datasets.get(parent.dataset)
        if above is not None and any(each.strength in _STRONG for each in above.subjects):
            return tuple(parent.on)
    return ()


def dropped(statistic: Statistic) -> tuple[int, ...]:
    """The places in `by` of what is dropped, level by level."""
    if not statistic.upward:
        return tuple(reversed(range(len(statistic.by))))
    places = {each.column: at for at, each in enumerate(statistic.by)}
    return tuple(places[name] for name in statistic.upward)


def touched(questions: Iterable[Question], columns: Iterable[str]) -> tuple[Question, ...]:
    """Those whose answer writing to these columns may change."""
    written = frozenset(columns)
    return tuple(each for each in questions if not each.columns.isdisjoint(written))


def _subject(table: sa.Table, columns: tuple[str, ...], *, alone: bool) -> Expression:
    """A text that is the same for the same person, and NULL where no column says anything."""
    if len(columns) == 1:
        column = table.c[columns[0]]
        text: Expression = sa.cast(column, sa.Text)
        # What is unique is so as it is written; anything else may be written in several ways.
        return sa.func.lower(sa.func.trim(text)) if isinstance(column.type, sa.String) and not alone else text
    nobody = sa.and_(*(table.c[name].is_(None) for name in columns))
    return sa.case((sa.not_(nobody), record_key(table.c[name] for name in columns)))


def _unique(table: sa.Table, columns: tuple[str, ...]) -> bool:
    """Whether no two rows can have the same values in these columns."""
    named = frozenset(columns)
    constraints = [
        each for each in table.constraints if isinstance(each, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
    ]
    sets = [frozenset(each.columns.keys()) for each in constraints]
    for index in table.indexes:
        whole = not any(name.endswith("_where") and value is not None for name, value in index.dialect_kwargs.items())
        if index.unique and whole and all(isinstance(each, sa.Column) for each in index.expressions):
            sets.append(frozenset(index.columns.keys()))
    return any(each and each <= named for each in sets)
