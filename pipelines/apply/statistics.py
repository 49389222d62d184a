"""Registered statistics while a run acts: what rows contribute before they go or change, and measures of a store.

A measure is what the rows that live say, plus what rows said that are gone and what others said before they were
overwritten: it is the same before, during and after a run. Totals are exact decimals, as text.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.act import After, Before
from connectors.sql.connector import SqlConnector
from connectors.sql.freezing import Frozen
from connectors.sql.journal import Chunk, Journal
from connectors.sql.questions import Question
from connectors.sql.tally import Totals
from pipelines.data_map.model import Statistic
from pipelines.statistics.questions import Registered
from pipelines.statistics.settling import Partition

Cells = dict[str, Totals]
"""By cell (the JSON array of the grouping values): its measures."""

Digests = dict[str, str]
"""By cell, of any level: a keyed digest of its measures and those of the finer cells in it."""

DELETED = "delete"
"""The act of rows that went."""


def contribution(journal: Journal, questions: Iterable[Question], act: str, day: dt.date) -> Before:
    """What a chunk does before its rows go or change, in its own transaction: keep what they contribute."""

    def contribute(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        for question in questions:
            journal.tally.contribute(connection, chunk, question, frozen, act, day)

    return contribute


def taking_back(journal: Journal, questions: Iterable[Question], act: str, day: dt.date) -> After:
    """What a chunk does once its rows have their new values: of their contribution, leave what they say no longer."""

    def take_back(connection: sa.Connection, chunk: Chunk, frozen: Frozen) -> None:
        for question in questions:
            journal.tally.take_back(connection, chunk, question, frozen, act, day)

    return take_back


def overwriting(columns: Iterable[str]) -> str:
    """The act of rows that stay and have these columns overwritten: the same person is met there once."""
    return "update " + hashlib.sha256("\n".join(sorted(columns)).encode()).hexdigest()[:16]


def measure(connector: SqlConnector, statistics: Sequence[Registered]) -> dict[str, Cells]:
    """What live rows, read by the reading role, and the ledger, read by the writing one, say together."""
    with connector.reading() as connection:
        live = living(connection, statistics)
    kept = contributed(connector, statistics)
    return {name: added(live[name], kept[name]) for name in live}


def living(connection: sa.Connection, statistics: Sequence[Registered]) -> dict[str, Cells]:
    """What live rows say to each statistic; ``connection`` is of the reading role, and shows one snapshot."""
    return {
        each.statistic.name: {
            cell: Totals(n, subjects, total, squares)
            for cell, n, subjects, total, squares in connection.execute(each.question.living())
        }
        for each in statistics
    }


def contributed(connector: SqlConnector, statistics: Sequence[Registered]) -> dict[str, Cells]:
    """What the ledger holds of each statistic, pending included: for that the store's writing role is needed."""
    tally = connector.journal.tally
    with connector.writing() as connection, connection.begin():
        there = tally.exists(connection)
        return {
            each.statistic.name: tally.totals(connection, each.dataset, each.question.name) if there else {}
            for each in statistics
        }


def added(*parts: Cells) -> Cells:
    """The cells of several parts together, exactly."""
    found: Cells = {}
    for part in parts:
        for place, totals in part.items():
            found[place] = found.get(place, Totals()) + totals
    return dict(sorted(found.items()))


def digested(cells: Cells, of: Statistic, key: DigestKey, place: Sequence[str]) -> Digests:
    """What tells whether cells still say what they said, and does not tell what that is.

    Coarser cells hold what the finer ones in them do: so one that has merged upward since compares in the next. What
    says nothing has no digest. ``place`` is what the same measures elsewhere have another digest by.
    """
    partition = Partition(of)
    whole: Cells = {}
    for cell, totals in cells.items():
        for each in (cell, *partition.above(cell)):
            whole[each] = whole.get(each, Totals()) + totals
    return {
        cell: key.digest(json.dumps([*place, of.name, cell, *map(_plain, astuple(totals))]))
        for cell, totals in sorted(whole.items())
        if not totals.nothing
    }


def write_measures(path: Path, measures: Mapping[str, Mapping[str, Digests]]) -> None:
    """Keep digests of measures by dataset and statistic; replaces what was there, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(measures, sort_keys=True), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(path)


def read_measures(path: Path) -> dict[str, dict[str, Digests]]:
    """What `write_measures` has written; empty when nothing was."""
    found: dict[str, dict[str, Digests]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _plain(measure: Decimal | int | None) -> str:
    return text(Decimal(measure or 0))


def text(amount: Decimal) -> str:
    """An amount to its last digit, without an exponent or zeros that say nothing."""
    return "0" if amount == 0 else format(amount.normalize(), "f")
