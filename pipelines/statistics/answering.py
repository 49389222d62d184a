"""Answers to registered statistics over live rows and ledger together, read by the reading role; and views of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connectors.errors import ConnectorError
from connectors.sql.answers import FOLDED, MEASURES, Asked, Rules
from connectors.sql.connector import SqlConnector
from pipelines.data_map.model import Statistic, StoreMap
from pipelines.errors import UsageError
from pipelines.estate import Estate
from pipelines.scan.refresh import ITEM_STORES
from pipelines.statistics.questions import Registered, registered, subject_columns
from pipelines.statistics.settling import LARGEST_SHARE, PROTECTION

_LONGEST = 63
"""Characters of the longest name that every engine takes for a view."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A registered statistic as the list of questions shows it. ``counts``: what it takes for a subject."""

    store: str
    dataset: str
    statistic: Statistic
    counts: str
    overlaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """One cell that may be seen: its grouping values as texts, how many of them are folded, and its measures."""

    values: tuple[str | None, ...]
    folded: int
    n: int
    subjects: int
    total: Decimal | None
    squares: Decimal | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The cells of an answer. ``held_back``: live rows are left that not even the coarsest cell may show.

    ``readable``: the reading role could read what is pending, which nobody should.
    """

    listed: Listed
    names: tuple[str, ...]
    cells: tuple[Answered, ...]
    held_back: bool
    readable: bool


def questions(estate: Estate) -> Iterator[Listed]:
    """Every statistic that approved data maps register."""
    for store, store_map in estate.data_maps.items():
        if estate.stores[store].kind in ITEM_STORES:
            continue
        for name, dataset in store_map.active.items():
            for statistic in dataset.statistics:
                columns = subject_columns(store_map, dataset, statistic)
                overlaps = tuple(each.name for each in dataset.statistics if each.by != statistic.by)
                yield Listed(store, name, statistic, ", ".join(columns) or "rows", overlaps)


def answer(estate: Estate, place: str, name: str) -> Answer:
    """The answer to one statistic of ``place`` (STORE.DATASET).

    Raises:
        UsageError: there is no such statistic.
        ConnectorError: the store is down, or not as the data map says.
    """
    known = list(questions(estate))
    listed = next(
        (each for each in known if (f"{each.store}.{each.dataset}", each.statistic.name) == (place, name)), None
    )
    if listed is None:
        found = ", ".join(f"{each.store}.{each.dataset} {each.statistic.name}" for each in known) or "none"
        raise UsageError(f"there is no statistic {name} of {place}", "statistics", f"Registered are: {found}.")
    with estate.connected(listed.store) as connector:
        assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
        of = _of(connector, estate.data_maps[listed.store], listed)
        with connector.reading() as connection:
            asked = _asked(connection, connector, of)
            cells = tuple(_answered(row._mapping, asked) for row in connection.execute(asked.shown()))  # noqa: SLF001 - its name
            held_back = connection.execute(asked.hidden()).first() is not None
        return Answer(listed, asked.names, cells, held_back, _pending_readable(connector))


def make_views(estate: Estate, store: str) -> tuple[str, ...]:
    """Make a view of every answer of a store, in the engine's own schema and for its reading role; their names.

    Raises:
        StoreReadOnly: the writing role may not make views there.
    """
    made = []
    with estate.connected(store) as connector:
        assert isinstance(connector, SqlConnector)  # noqa: S101 - what is neither mail nor calendar is SQL
        connector.prepare()
        with connector.writing() as connection, connection.begin():
            for each in questions(estate):
                if each.store == store:
                    asked = _asked(connection, connector, _of(connector, estate.data_maps[store], each, plain=True))
                    made.append(connector.make_view(connection, view_name(each), asked.shown()))
    return tuple(made)


def view_name(listed: Listed) -> str:
    """What the view of an answer is called: after dataset and statistic, in letters, digits and underscores."""
    plain = re.sub(r"[^a-z0-9]+", "_", f"{listed.dataset}_{listed.statistic.name}".lower()).strip("_")
    digest = hashlib.sha256(f"{listed.dataset}\n{listed.statistic.name}".encode()).hexdigest()[:8]
    exact = plain == f"{listed.dataset}_{listed.statistic.name}" and len(plain) <= _LONGEST - 20
    return f"statistic_{plain}" if exact else f"statistic_{plain[: _LONGEST - 30]}_{digest}"


def rules(statistic: Statistic) -> Rules:
    """When a group of a statistic may be shown."""
    return Rules(statistic.minimum, str(LARGEST_SHARE), str(PROTECTION))


def _of(connector: SqlConnector, store_map: StoreMap, listed: Listed, *, plain: bool = False) -> Registered:
    found = registered(connector, store_map, listed.dataset, plain=plain)
    return next(each for each in found if each.statistic.name == listed.statistic.name)


def _asked(connection: sa.Connection, connector: SqlConnector, of: Registered) -> Asked:
    tally = connector.journal.tally
    names = [each.column if each.by == "value" else f"{each.column}_{each.by}" for each in of.statistic.by]
    names = [f"by_{name}" if name in {FOLDED, *MEASURES} else name for name in names]
    released = tally.released if tally.exists(connection) else None
    return Asked(of.question, of.dataset, tuple(names), rules(of.statistic), released)


def _answered(row: Any, asked: Asked) -> Answered:
    values = tuple(row[name] for name in asked.names)
    n, subjects, total, squares = (row[name] for name in MEASURES)
    return Answered(values, row[FOLDED], int(n), int(subjects), _exact(total), _exact(squares))


def _exact(amount: object) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _pending_readable(connector: SqlConnector) -> bool:
    """Whether the reading role may read what is pending. A file has no roles: whoever reads it reads all of it."""
    pending = connector.journal.tally.pending
    try:
        with connector.reading() as connection:
            return connector.journal.tally.exists(connection) and (
                connection.execute(sa.select(pending.c.cell).limit(1)) is not None
            )
    except ConnectorError:
        return False
