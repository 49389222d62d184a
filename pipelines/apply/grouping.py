"""Rows of an anonymising step that are hidden among each other: which they are, their work table, who is held back.

The rows that a step leaves without any personal field of their own are assigned to groups before its first chunk; rows
in which another category lives on stay persons' and are none of them. A resumed run finds the work table and goes on.
A table that is written anew gets its groups in that transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape
from connectors.sql.connector import SqlConnector
from connectors.sql.grouped import Grouped
from connectors.sql.journal import Journal
from connectors.sql.lines import LookWith, key_among
from connectors.sql.partition import GROUP, Hierarchy, Layout
from connectors.sql.placement import CELL, assign, needed, with_cells
from pipelines.anonymise.partition import layout
from pipelines.anonymise.replacement import TechniqueUnfit
from pipelines.data_map.model import DatasetMap
from pipelines.errors import Refused
from pipelines.plan.artefact import Action, Place, Step
from pipelines.plan.remembered import fields_of
from pipelines.scan.sources import source_of

Expression = sa.ColumnElement[Any]

_DIGITS = 16
"""Of the digests by which work tables are called."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of placing rows; ``anew``: all have the place that they should have in this state of the store.

    ``ends``: see `Candidates`.
    """

    anew: bool
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Grouping:
    """The groups of one step. ``standing``: which rows of the dataset are anonymised in all categories.

    ``others``: whether rows can have personal fields that the step leaves to others. ``at_once``: the same groups in a
    work table for one transaction that writes all of them.
    """

    grouped: Grouped
    standing: Expression
    journal: Journal
    dataset: str
    others: bool = True
    at_once: Grouped | None = None

    @property
    def _work(self) -> sa.Table:
        return self.grouped.work

    def prepare(self, connection: sa.Connection) -> None:
        """Make the work table, before a transaction, where that would end it."""
        if connection.dialect.name != "postgresql":
            with connection.begin():
                self._work.create(connection, checkfirst=True)

    def wanted(self, due_with: LookWith, *, at_once: bool) -> sa.Select[Any] | None:
        """What is due, with all that has to be known of rows to place them, so that none of them is read again.

        None where more has to be known than the rows, or the engine has nothing of the kind. ``at_once``: for
        `place_at_once`.
        """
        if self.others or self.journal.schema is None:
            return None
        grouped = self.at_once if at_once and self.at_once is not None else self.grouped
        return with_cells(grouped.layout, due_with(needed(grouped.layout, grouped.work)))

    def place(self, connection: sa.Connection, found: sa.Select[Any] | sa.Table, parts: int = 1) -> Placed:
        """Assign to groups those of the rows, by their keys, that the step leaves without personal fields.

        Inside a transaction; what an interrupted run has assigned stays as it is. ``parts``: as in `assign`.
        """
        anew = connection.dialect.name == "postgresql" and not self._begun(connection)
        return Placed(anew, self._assign(connection, self.grouped, found, anew=anew, parts=parts))

    def _begun(self, connection: sa.Connection) -> bool:
        """Whether there is a work table in PostgreSQL; one that another version has begun goes."""
        place = f"{self._work.schema}.{self._work.name}"
        asked = sa.text(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:place) AND attnum > 0 ORDER BY attnum"
        )
        columns = connection.execute(asked, {"place": place}).scalars().all()
        if columns and columns != self._work.c.keys():
            self._work.drop(connection)
            return False
        return bool(columns)

    def place_at_once(self, connection: sa.Connection, keys: sa.Table) -> int:
        """Assign to groups the rows of some keys, in the transaction that has locked them and writes them.

        Takes the keys out that no group can hide; returns how many.
        """
        grouped = self.at_once
        assert grouped is not None  # noqa: S101 - asked of steps, which have it
        connection.execute(sa.schema.DropTable(grouped.work, if_exists=True))
        self._assign(connection, grouped, keys, anew=True)
        return grouped.leave(connection, keys)

    def place_anew(self, connection: sa.Connection, keys: sa.Select[Any]) -> None:
        """Assign anew rows that were set aside, inside a transaction."""
        connection.execute(self._work.delete().where(key_among(self._work, self.grouped.layout.key, keys)))
        self._assign(connection, self.grouped, keys)

    def _assign(
        self,
        connection: sa.Connection,
        grouped: Grouped,
        found: sa.Select[Any] | sa.Table,
        *,
        anew: bool = False,
        parts: int = 1,
    ) -> tuple[int, ...]:
        """Where nothing was ever anonymised, nothing is looked at."""
        laid = grouped.layout
        standing = self.standing if self.journal.marks.categories_of(connection, self.dataset) else sa.false()
        chosen = sa.and_(key_among(laid.table, laid.key, found), grouped.whole)
        rows = found if anew and isinstance(found, sa.Table) and CELL in found.c else None
        return assign(connection, laid, grouped.work, chosen, standing, anew=anew, parts=parts, rows=rows)

    def found(self, found: sa.Select[Any] | sa.Table) -> sa.Select[Any]:
        """The rows on which the step may act: those that have a group, and those that need none."""
        laid, grouped = self.grouped.layout, self.grouped
        may = key_among(laid.table, laid.key, found), sa.or_(grouped.placed, sa.not_(grouped.whole))
        return sa.select(*(laid.table.c[name] for name in laid.key)).where(*may)

    def held_back(self, connection: sa.Connection) -> int:
        """How many rows no group can hide."""
        with connection.begin():
            held = sa.select(sa.func.count()).select_from(self._work).where(self._work.c[GROUP].is_(None))
            return int(connection.execute(held).scalar_one())

    def close(self, connection: sa.Connection) -> None:
        """Drop the work table."""
        _drop(connection, self._work)

    def clear_left(self, connection: sa.Connection) -> None:
        """Drop the work tables of runs on this dataset that were killed and not resumed: they tell of single rows.

        To be called while nobody else acts on it. Whoever resumes such a run yet assigns anew the rows that are left.
        """
        work = self._work
        with connection.begin():
            there = sa.inspect(connection).get_table_names(work.schema)
        stem = work.name[:-_DIGITS]
        for name in there:
            if name.startswith(stem) and name != work.name:
                _drop(connection, sa.Table(name, sa.MetaData(), schema=work.schema))


def grouping(
    step: Step, dataset: DatasetMap, connector: SqlConnector, shape: DatasetShape, plan: str
) -> Grouping | None:
    """The groups of a step; None where the data map asks for none, or the step makes nothing anonymous.

    Rows with a link are hidden once that is nobody's (`pipelines.apply.buckets`).

    Raises:
        Refused: a column's type has no such level.
    """
    if (
        dataset.anonymity is None
        or dataset.anonymity.link
        or step.action is not Action.ANONYMISE
        or step.place is not Place.ACTIVE
    ):
        return None
    made, journal = laid_out(connector, step.dataset, dataset, shape), connector.journal
    fields = columns_of(dataset)
    others = {category: names for category, names in fields.items() if category not in step.categories}
    also = {category: names for category, names in others.items() if set(names) & set(made.written)}

    whole = clear(journal, made.table, made.key, step.dataset, others)
    lasting, passing = (
        Grouped(made, work_table(journal, made, step.dataset, plan, step.id, lasts=each), whole, also)
        for each in (True, False)
    )
    standing = anonymous(journal, made.table, made.key, step.dataset, dataset)
    return Grouping(lasting, standing, journal, step.dataset, bool(others), passing)


def laid_out(
    connector: SqlConnector, name: str, dataset: DatasetMap, shape: DatasetShape, link: Hierarchy | None = None
) -> Layout:
    """The partition of a dataset over its table; ``link``: see `layout`.

    Raises:
        Refused: a column's type has no such level.
    """
    source = source_of(name, dataset)
    place = connector.table(source), connector.key(source), connector.where(source)
    try:
        return layout(dataset, shape, *place, connector.dialect.name, link)
    except TechniqueUnfit as error:
        raise Refused(str(error), f"{connector.store}.{name}", "Correct `anonymity` in the data map.") from None


def _drop(connection: sa.Connection, work: sa.Table) -> None:
    if connection.dialect.name == "mariadb":  # where a role may make tables and not drop them
        with connection.begin():
            connection.execute(work.delete())
    with contextlib.suppress(sa.exc.DBAPIError), connection.begin():
        work.drop(connection)


def anonymous(journal: Journal, table: sa.FromClause, key: Sequence[str], name: str, dataset: DatasetMap) -> Expression:
    """Whether a row was anonymised, nothing was written to it since, and no personal field of it holds anything."""
    fields = columns_of(dataset)
    # What holds anything is clear by its mark: then nobody has to look whether there is any.
    holds = (table.c[column].is_not(None) for columns in fields.values() for column in columns)
    marked = (journal.marks.standing(table, key, name, *each) for each in fields.items())
    return sa.and_(sa.or_(sa.false(), *holds, *marked), clear(journal, table, key, name, fields))


def clear(
    journal: Journal, table: sa.FromClause, key: Sequence[str], name: str, categories: Mapping[str, tuple[str, ...]]
) -> Expression:
    """Whether each of these categories of a row is anonymised, or empty."""
    found = (
        sa.or_(
            sa.and_(*(table.c[each].is_(None) for each in columns)),
            journal.marks.standing(table, key, name, category, columns),
        )
        for category, columns in categories.items()
    )
    return sa.and_(sa.true(), *found)


def work_table(journal: Journal, made: Layout, dataset: str, plan: str, step: str, *, lasts: bool = True) -> sa.Table:
    """The work table of a plan's step on a dataset, among the engine's own tables of the store.

    ``lasts``: an interrupted run finds it again. Else it is read whole in one transaction.
    """
    name = "_".join(hashlib.sha256(each.encode()).hexdigest()[:_DIGITS] for each in (dataset, f"{plan} {step}"))
    # A server that crashes empties it: then the rows that are left are assigned anew.
    unlogged = {} if journal.schema is None else {"prefixes": ["UNLOGGED"]}
    versioned = journal.schema is not None
    options = journal.exact | unlogged
    return made.work(
        f"{journal.prefix}work_{name}",
        journal.schema,
        options,
        keyed=lasts and not versioned,
        numbered=lasts and versioned,
    )


def columns_of(dataset: DatasetMap) -> dict[str, tuple[str, ...]]:
    """The columns of each personal category, in order."""
    return {category: tuple(names) for category, names in sorted(fields_of(dataset).items())}
