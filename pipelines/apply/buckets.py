"""Bucket parents: anonymised rows are turned from the row of their person to one that stands for a whole cell.

A row of a child table that is anonymised, and whose parent is anonymised too, would still say which of its siblings
were the same person's. So once the parents of a store have been acted on, such rows are hidden among each other like
any others (`connectors.sql.partition`), and their link is a column of the partition: at a level that names it, it leads
to the elected parent of the parent's own cell; at any other, to nobody (NULL) or to one parent elected for all. Foreign
keys hold, sums per cell of parents are what they were, and the trajectory of a person is gone. Rows whose parent lives
keep their link, and what they are; they are hidden by the run that anonymises the parent.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

import sqlalchemy as sa

from connectors.base import DatasetShape, Inventory
from connectors.sql.connector import SqlConnector
from connectors.sql.engines import STATEMENT_TIMEOUT
from connectors.sql.functions import random_hex, row_digest
from connectors.sql.grouped import Grouped
from connectors.sql.journal import Chunk, Counts
from connectors.sql.lines import Restriction, line_up
from connectors.sql.overwrite import update_chunk
from connectors.sql.partition import Hierarchy, Layout
from connectors.sql.questions import Question
from connectors.sql.temporary import analyse
from pipelines.anonymise.partition import HIDDEN
from pipelines.apply.grouping import Grouping, anonymous, laid_out, work_table
from pipelines.apply.statistics import contribution, overwriting, taking_back
from pipelines.data_map.model import DatasetMap, Parent
from pipelines.locks import locked_in_store
from pipelines.scan.sources import source_of
from pipelines.statistics.questions import touched

Expression = sa.ColumnElement[Any]

BUCKET = "hidden:bucket"
EVERYBODY = "hidden:everybody"
"""The categories of the marks of elected parents: for their cell, and for all."""

ELECTION = STATEMENT_TIMEOUT / 1000
"""Seconds to wait while another run elects: as long as one statement of that may take."""

_MARKED_BY = "hidden"
"""In the place of a plan: what is hidden belongs to all of them."""


def linked(datasets: dict[str, DatasetMap]) -> Iterator[tuple[str, DatasetMap, Parent]]:
    """The datasets whose rows are turned to bucket parents, each with the parent to whom their link leads.

    Parents come first: of rows whose parent is to be turned itself, only then is a cell known to lead to.
    """
    found = {
        name: [each for each in dataset.inherits if dataset.anonymity.link in each.on and each.dataset in datasets]
        for name, dataset in sorted(datasets.items())
        if dataset.anonymity is not None and dataset.anonymity.link
    }
    above = {name: {each.dataset for each in parents} & found.keys() - {name} for name, parents in found.items()}
    for name in TopologicalSorter(above).static_order():
        yield from ((name, datasets[name], parent) for parent in found[name])


def hidden_rows(connector: SqlConnector, made: Layout, name: str, dataset: DatasetMap) -> Expression:
    """Which rows of a dataset are anonymous, so that their cells count."""
    if dataset.anonymity is not None and dataset.anonymity.link:
        return connector.journal.marks.standing(made.table, made.key, name, HIDDEN, made.kept)
    return anonymous(connector.journal, made.table, made.key, name, dataset)


def nobodys(connector: SqlConnector, made: Layout, name: str, dataset: DatasetMap, above: Expression) -> Expression:
    """Whether a row of a dataset with a link is nobody's: anonymised, as its parent is, of which ``above`` tells.

    Rows of a dataset that holds nothing personal are so as soon as their parent is.
    """
    if not dataset.personal:
        return above
    anonymised = anonymous(connector.journal, made.table, made.key, name, dataset)
    return sa.and_(anonymised, sa.or_(made.table.c[link_of(dataset)].is_(None), above))


def link_of(dataset: DatasetMap) -> str:
    """The column by which rows lead to a person's row; asked of datasets that declare one."""
    assert dataset.anonymity is not None  # noqa: S101 - see above
    assert dataset.anonymity.link is not None  # noqa: S101 - see above
    return dataset.anonymity.link


@dataclass(frozen=True)
class Buckets:
    """The turning of one child dataset's rows, over one writing connection.

    ``questions`` are its registered statistics; ``day`` is the one on which they are contributed to.
    """

    connection: sa.Connection
    connector: SqlConnector
    inventory: Inventory
    datasets: dict[str, DatasetMap]
    name: str
    parent: Parent
    plan: str
    size: int
    checkpoint: Callable[[str], None]
    questions: Sequence[Question]
    day: dt.date

    @property
    def step(self) -> str:
        """The name under which the store's journal has it."""
        return f"{self.connector.store}.{self.name}.hide"

    def turn(self) -> Counts:
        """Turn what can be turned; how many rows, and how many others had locked."""
        with self._alone_electing(), self.connection.begin():
            self._elect()
            grouping = Grouping(self._grouped, self._hidden, self.connector.journal, self.name)
        grouping.clear_left(self.connection)
        grouping.prepare(self.connection)
        with self.connection.begin():
            grouping.place(self.connection, self._rows)
        with self.connection.begin():
            candidates = line_up(
                self.connection, self._table, self._key, grouping.found(self._rows), self._look, self._grouped
            )
        self.checkpoint("turning")
        first, total = 1, Counts()
        while first <= candidates.count:
            with self.connection.begin():
                self.connector.journal.marks.index(self.connection, self.name)  # by which the next chunk is looked at
                last = candidates.last(self.connection, first, self.size)
                number, _ = self.connector.journal.progress(self.connection, self.plan, self.step)
            chunk = Chunk(self.plan, self.step, self.name, number)
            counted, act = self._counted, overwriting(self._layout.written)
            before = [contribution(self.connector.journal, counted, act, self.day)]
            then = [each.after([HIDDEN]) for each in counted]
            changed = [self._mark, taking_back(self.connector.journal, then, act, self.day)]
            total += update_chunk(
                self.connection, self.connector.journal, chunk, candidates, first, last, {}, {}, before, changed,
                checkpoint=self.checkpoint,
            )  # fmt: skip
            self.checkpoint("turned")
            first = last + 1
        grouping.close(self.connection)
        return total

    # -- the parents

    @cached_property
    def _above(self) -> tuple[Layout, Expression]:
        """The parents' partition, and which of them are anonymous."""
        dataset = self.datasets[self.parent.dataset]
        made = self._laid(self.parent.dataset, dataset)
        return made, hidden_rows(self.connector, made, self.parent.dataset, dataset)

    @cached_property
    def _elected(self) -> sa.Table:
        """For every anonymous parent, the one that stands for its cell."""
        made, _ = self._above
        kind = made.table.c[self._target].type
        parent = sa.Column("parent", kind, primary_key=True, autoincrement=False)
        return sa.Table("ardoise_elected", sa.MetaData(), parent, sa.Column("bucket", kind), prefixes=["TEMPORARY"])

    def _alone_electing(self) -> contextlib.AbstractContextManager[None]:
        """Wait until no other run elects parents of the same dataset, for rows of another: it would elect others."""
        who = f"{self.parent.dataset} {BUCKET}"  # no dataset's name: runs that act on the parents go on
        return locked_in_store(self.connection, self.connector.store, who, ELECTION)

    def _elect(self) -> None:
        """Who was elected once stays it, as long as the row is what it was: later runs add to the same cells."""
        made, anonymous_parents = self._above
        table, journal, elected = made.table, self.connector.journal, self._elected
        own, cell = table.c[self._target], row_digest(table.c[name] for name in sorted(made.kept))
        known = journal.marks.standing(table, made.key, self.parent.dataset, BUCKET, made.kept)
        order = [sa.case((known, 0), else_=1), random_hex(16)]
        bucket = sa.func.first_value(own).over(partition_by=cell, order_by=order)
        self.connection.execute(sa.schema.DropTable(elected, if_exists=True))
        elected.create(self.connection)
        rows = sa.select(own, bucket).where(anonymous_parents, made.where)
        self.connection.execute(elected.insert().from_select(["parent", "bucket"], rows, include_defaults=False))
        analyse(self.connection, elected)
        self._mark_parent(BUCKET, own.in_(sa.select(elected.c.bucket)))

    @cached_property
    def _everybody(self) -> Any:
        """The parent that stands for all; None where the link can lead to nobody."""
        if self._table.c[self._link].nullable:
            return None
        made, anonymous_parents = self._above
        own = made.table.c[self._target]
        known = self.connector.journal.marks.standing(made.table, made.key, self.parent.dataset, EVERYBODY, made.kept)
        order = [sa.case((known, 0), else_=1), random_hex(16)]
        found = sa.select(own).where(anonymous_parents, made.where).order_by(*order).limit(1)
        key = self.connection.execute(found).scalar_one_or_none()
        if key is not None:
            self._mark_parent(EVERYBODY, own == key)
        return key

    def _mark_parent(self, category: str, within: Expression) -> None:
        made, _ = self._above
        chunk = Chunk(_MARKED_BY, "", self.parent.dataset, 0)
        self.connector.journal.marks.mark(self.connection, chunk, made.table, made.key, [(category, made.kept, within)])

    # -- the children

    @property
    def _child(self) -> DatasetMap:
        return self.datasets[self.name]

    @property
    def _link(self) -> str:
        return link_of(self._child)

    @property
    def _target(self) -> str:
        return self.parent.on[self._link]

    @cached_property
    def _table(self) -> sa.Table:
        return self.connector.table(source_of(self.name, self._child))

    @cached_property
    def _key(self) -> tuple[str, ...]:
        return self.connector.key(source_of(self.name, self._child))

    @cached_property
    def _layout(self) -> Layout:
        """The child's partition, in which the link is a column like others."""
        anonymity, link = self._child.anonymity, self._table.c[self._link]
        assert anonymity is not None  # noqa: S101 - asked of those that have a link
        elected = self._elected
        bucket = sa.select(elected.c.bucket).where(elected.c.parent == link).correlate(self._table).scalar_subquery()
        nobody = sa.cast(sa.null(), link.type) if self.connector.dialect.name == "postgresql" else sa.null()
        key = self._everybody
        everybody = nobody if key is None else sa.literal(key, link.type)

        def at(named: bool) -> Any:
            return (lambda value: value) if named else (lambda _: everybody)

        levels = tuple(at(self._link in level) for level in anonymity.partition)
        return self._laid(self.name, self._child, Hierarchy(self._link, bucket, levels))

    @cached_property
    def _counted(self) -> tuple[Question, ...]:
        """The statistics that turning may change."""
        if not self.questions:
            return ()
        return touched(self.questions, {*self._layout.written, *self.connector.implied(self._table)})

    @cached_property
    def _hidden(self) -> Expression:
        return hidden_rows(self.connector, self._layout, self.name, self._child)

    @cached_property
    def _ready(self) -> Expression:
        """Whether a row is to be turned: it is nobody's, and not turned yet."""
        link, elected = self._table.c[self._link], self._elected
        above = sa.exists().where(elected.c.parent == link).correlate(self._table)
        own = nobodys(self.connector, self._layout, self.name, self._child, above)
        return sa.and_(own, sa.not_(self._hidden), self._layout.where)

    @property
    def _rows(self) -> sa.Select[Any]:
        return sa.select(*(self._table.c[name] for name in self._key)).where(self._ready)

    def _look(self, restriction: Restriction) -> sa.Select[Any]:
        return self._rows.where(restriction(self._table))

    @cached_property
    def _grouped(self) -> Grouped:
        work = work_table(self.connector.journal, self._layout, self.name, self.plan, self.step)
        return Grouped(self._layout, work, self._ready)

    def _mark(self, connection: sa.Connection, chunk: Chunk, frozen: Any) -> None:
        own = Chunk(_MARKED_BY, chunk.step, self.name, chunk.number)
        made = self._layout
        self.connector.journal.marks.mark(connection, own, made.table, made.key, [(HIDDEN, made.kept, frozen.within())])

    def _laid(self, name: str, dataset: DatasetMap, link: Hierarchy | None = None) -> Layout:
        shape: DatasetShape | None = self.inventory.find(self.connector.location(source_of(name, dataset)))
        assert shape is not None  # noqa: S101 - a reflected table is in the inventory
        return laid_out(self.connector, name, dataset, shape, link)


def turn_to_buckets(
    connection: sa.Connection,
    connector: SqlConnector,
    inventory: Inventory,
    datasets: dict[str, DatasetMap],
    plan: str,
    size: int,
    held: Callable[[str], bool],
    checkpoint: Callable[[str], None],
    questions: Callable[[str], Sequence[Question]],
    day: dt.date,
) -> dict[str, int]:
    """Turn the rows of every dataset of a store that asks for it, in chunks of about so many.

    ``held``: whether something of a dataset must stay as it is, whatever it is; then nothing of it is turned.
    Returns, by dataset, how many rows all runs of the plan have turned, by the store's journal.
    """
    found = {}
    for name, _, parent in linked(datasets):
        if held(name) or held(parent.dataset):
            continue
        asked = questions(name)
        turning = Buckets(connection, connector, inventory, datasets, name, parent, plan, size, checkpoint, asked, day)
        with locked_in_store(connection, connector.store, name):
            turning.turn()
        with connection.begin():
            found[name] = connector.journal.progress(connection, plan, turning.step)[1].done
        with contextlib.suppress(sa.exc.DBAPIError), connection.begin():
            connection.execute(sa.schema.DropTable(turning._elected, if_exists=True))  # noqa: SLF001 - our own
    return found
