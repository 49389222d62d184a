"""Bystanders: what a run must leave exactly as it was, measured before it and compared after it.

Of each table: the rows that no step acts on, in all their columns; of the rows that stay, the columns that no step
touches; and what some steps touch, in the rows in which it stays (`pipelines.verify.parts`). Tables outside the plan
are compared whole. What is kept between the two measurements are counts and sums of digests over whole sets; they
identify nobody.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.sql.functions import record_key
from connectors.sql.implied import implied
from connectors.sql.journal import Journal
from connectors.sql.sets import SetDigest, set_digest
from connectors.sql.temporary import analyse, index, looked_up
from pipelines.plan.artefact import Step
from pipelines.plan.remembered import fields_of
from pipelines.verify.parts import Condition, LeadsTo, Unacted, left_out, parts, with_implied

if TYPE_CHECKING:
    from pipelines.data_map.model import DatasetMap
    from pipelines.plan.selections import StoreSelections

Expression = sa.ColumnElement[Any]

Acts = Callable[[str, sa.FromClause, str | None], Expression]
"""Whether a step acts, or has acted, on a row of a dataset, given with its table: for one category, or for any."""

Stays = Callable[[str, sa.FromClause], Expression]
"""Whether no step takes a row of a dataset as a whole."""


@dataclass(frozen=True, slots=True)
class Bystanders:
    """One table: the rows that no step acts on, the untouched columns of all rows that stay, and parts of others."""

    rows: SetDigest
    columns: SetDigest
    parts: dict[str, SetDigest] = field(default_factory=dict)


def before(selections: StoreSelections, steps: Sequence[Step]) -> dict[str, Bystanders]:
    """Measure every table of a store before a run, by location; on the connection that has the evidence."""
    side = _side_of(selections, [step for step in steps if step.store == selections.store])
    with side.due(selections) as due:
        return {at: side.measured(at, due.acts, due.stays) for at in side.locations}


def left_alone(selections: StoreSelections, plan: str, steps: Sequence[Step]) -> dict[str, Bystanders]:
    """The rows that no step has acted on nor would act on by now, by location: those that `before` has measured.

    That is asked where some are due still, since nothing could hide them. ``steps``: the plan's in this store.
    """
    side = _side_of(selections, steps)
    with side.due(selections) as due:

        def acts(dataset: str, rows: sa.FromClause, category: str | None) -> Expression:
            return sa.or_(due.acts(dataset, rows, category), side.acted(plan, dataset, rows, category))

        return {at: side.measured(at, acts, due.stays) for at in side.acting}


def after(
    connection: sa.Connection,
    inventory: Inventory,
    plan: str,
    datasets: Mapping[str, DatasetMap],
    steps: Sequence[Step],
) -> dict[str, Bystanders]:
    """Measure the same tables after a run. ``datasets``: the controller's in the store; ``steps``: the plan's there."""
    side = _side(connection, inventory, datasets, steps)
    acts = functools.partial(side.acted, plan)
    return {at: side.measured(at, acts, lambda *_: sa.true()) for at in side.locations}


@dataclass(frozen=True)
class _Side:
    """One of the measurements: the tables of a store, the controller's datasets in it, and the plan's steps.

    The source of each dataset is the location of its table, as the inventory names it.
    """

    connection: sa.Connection
    inventory: Inventory
    datasets: Mapping[str, DatasetMap]
    steps: Sequence[Step]

    @property
    def locations(self) -> list[str]:
        """Where the store has tables."""
        return [shape.location for shape in self.inventory.datasets]

    @property
    def acting(self) -> list[str]:
        """Where a run may have changed something."""
        acted = {self.datasets[step.dataset].source for step in self.steps}
        return [each for each in self.locations if each in acted or each in self._left_out]

    @contextlib.contextmanager
    def due(self, selections: StoreSelections) -> Iterator[_Due]:
        """What is due of the steps, in temporary tables for as long as it is asked."""
        made = _Due({}, self.steps)
        for name in dict.fromkeys(step.dataset for step in self.steps):
            made.tables[name] = made.table(selections, name, len(made.tables))
        yield made
        for each in made.tables.values():
            each.drop(self.connection)

    def acted(self, plan: str, dataset: str, rows: sa.FromClause, category: str | None) -> Expression:
        """Whether a plan has acted on a row, by its marks."""
        if self._journal is None:
            return sa.false()
        return self._journal.marks.by_plan(rows, self._key(dataset), dataset, plan, category)

    def measured(self, location: str, acts: Acts, stays: Stays) -> Bystanders:
        """One table."""
        table, own = self._table(location), self._at(location)
        steps = [step for step in self.steps if step.dataset in own]
        apart = self._left_out.get(location, {})
        columns = set(table.c.keys()) - apart.keys()
        touched = {name for step in steps if not step.takes_rows for name in step.fields}
        # What follows stays where no step acts: there it is among `rows`. Where triggers run on updates, that is every
        # column: of the others of a row on which a step acts, nothing but its key can be told.
        follow = self._implied(location) if touched or apart else frozenset()
        untouched = columns - touched - follow
        acting = dict.fromkeys(step.dataset for step in steps)
        stay = sa.and_(sa.true(), *(stays(name, table) for name in acting))
        alone = sa.and_(sa.true(), *(sa.not_(acts(name, table, None)) for name in acting))
        digest = functools.partial(set_digest, self.connection, table)
        rows = digest(columns, alone)
        found = {
            ",".join(sorted(names)): digest(
                untouched | names & set(table.c.keys()),
                sa.and_(stay, *(self._meets(each, table, acts) for each in sorted(conditions, key=repr))),
            )
            for names, conditions in parts(own, steps, apart, follow).items()
        }
        return Bystanders(rows, digest(untouched, stay) if steps else rows, found)

    # -- in which rows a column stays

    def _meets(self, condition: Condition, rows: sa.FromClause, acts: Acts) -> Expression:
        if isinstance(condition, Unacted):
            return sa.not_(acts(condition.dataset, rows, condition.category))
        if isinstance(condition, LeadsTo):
            above = self._rows(condition.dataset)
            leads = above.c[condition.key] == rows.c[condition.own]
            return sa.exists().where(leads, sa.not_(acts(condition.dataset, above, condition.category))).correlate(rows)
        return self._somebodys(condition.dataset, rows, acts)

    def _somebodys(self, name: str, rows: sa.FromClause, acts: Acts) -> Expression:
        """See `Somebodys`; with a link, a row is somebody's too whose parent is."""
        dataset = self.datasets[name]
        found = [self._lives(name, rows, category, acts) for category in fields_of(dataset)]
        link = dataset.anonymity.link if dataset.anonymity is not None else None
        above = [each for each in dataset.inherits if link in each.on and each.dataset in self.datasets]
        if link is not None and above:
            leads = []
            for each in above:
                theirs = self._rows(each.dataset)
                own = self._somebodys(each.dataset, theirs, acts)
                same = (theirs.c[target] == rows.c[column] for column, target in each.on.items())
                leads.append(sa.exists().where(*same, own).correlate(rows))
            found.append(sa.and_(*leads))
        return sa.or_(sa.false(), *found)

    def _lives(self, name: str, rows: sa.FromClause, category: str, acts: Acts) -> Expression:
        """Whether a category of a row is there, was never anonymised, and no step acts for it."""
        filled = sa.or_(*(rows.c[column].is_not(None) for column in fields_of(self.datasets[name])[category]))
        if self._journal is None:
            return sa.and_(filled, sa.not_(acts(name, rows, category)))
        record = record_key(rows.c[each] for each in self._key(name))
        ever = self._journal.marks.written(record, name, category)
        return sa.and_(filled, sa.not_(ever), sa.not_(acts(name, rows, category)))

    # -- the store

    @functools.cached_property
    def _journal(self) -> Journal | None:
        journal = Journal(self.connection.dialect)
        return journal if journal.exists(self.connection) else None

    @functools.cached_property
    def _left_out(self) -> Mapping[str, Mapping[str, frozenset[Condition]]]:
        found = left_out(self.datasets, self.steps, self.inventory)
        return {at: with_implied(columns, self._implied(at)) for at, columns in found.items()}

    def _implied(self, location: str) -> frozenset[str]:
        return implied(self.connection, self._table(location))

    @functools.cached_property
    def _tables(self) -> dict[str, sa.Table]:
        return {}

    def _table(self, location: str) -> sa.Table:
        if location not in self._tables:
            self._tables[location] = reflected(self.connection, location)
        return self._tables[location]

    def _rows(self, dataset: str) -> sa.FromClause:
        """The rows of a dataset beside those of another table, or of its own."""
        return self._table(self.datasets[dataset].source).alias()

    def _at(self, location: str) -> dict[str, DatasetMap]:
        return {name: each for name, each in self.datasets.items() if each.source == location}

    def _key(self, dataset: str) -> tuple[str, ...]:
        found = self.datasets[dataset]
        shape = self.inventory.find(found.source)
        return found.key or (shape.key if shape else ())


def _side_of(selections: StoreSelections, steps: Sequence[Step]) -> _Side:
    datasets = selections.context.active(selections.store)
    return _side(selections.connection, selections.inventory, datasets, steps)


def _side(
    connection: sa.Connection, inventory: Inventory, datasets: Mapping[str, DatasetMap], steps: Sequence[Step]
) -> _Side:
    def located(dataset: DatasetMap) -> DatasetMap:
        if inventory.find(dataset.source) is not None or connection.dialect.default_schema_name is None:
            return dataset
        return dataset.model_copy(update={"source": f"{connection.dialect.default_schema_name}.{dataset.source}"})

    known = [step for step in steps if step.dataset in datasets]  # the data map may be another by now
    return _Side(connection, inventory, {name: located(each) for name, each in datasets.items()}, known)


@dataclass(frozen=True)
class _Due:
    """The keys of what is due, by dataset: for each row and step, with the step's number, and whether the row goes."""

    tables: dict[str, sa.Table]
    steps: Sequence[Step]

    def table(self, selections: StoreSelections, dataset: str, number: int) -> sa.Table:
        """Make the one of a dataset."""
        selection, connection = selections.selection(dataset), selections.connection
        key = selection.map.key
        columns = [sa.Column(name, selection.table.c[name].type) for name in key]
        columns += [sa.Column(_STEP, sa.Integer), sa.Column(_GOES, sa.Boolean)]
        made = looked_up(sa.Table(f"ardoise_due_{number}", sa.MetaData(), *columns, prefixes=["TEMPORARY"]), key)
        made.create(connection)
        for place, step in enumerate(self.steps):
            if step.dataset == dataset:
                due = selection.due_keys(step).subquery()
                goes = sa.true() if step.takes_rows else sa.false()
                rows = sa.select(*(due.c[name] for name in key), sa.literal(place), goes)
                connection.execute(made.insert().from_select([*key, _STEP, _GOES], rows))
        index(connection, made)
        analyse(connection, made)
        return made

    def acts(self, dataset: str, rows: sa.FromClause, category: str | None) -> Expression:
        """Whether a step will act on a row for a category, or for any; one that takes it does so for all."""
        if dataset not in self.tables:
            return sa.false()
        due = self.tables[dataset].alias()
        acting = [n for n, step in enumerate(self.steps) if category is None or category in step.categories]
        among = sa.true() if category is None else sa.or_(due.c[_GOES], due.c[_STEP].in_(acting))
        return sa.exists().where(*self._same(due, rows), among).correlate(rows)

    def stays(self, dataset: str, rows: sa.FromClause) -> Expression:
        """Whether no step takes a row as a whole."""
        due = self.tables[dataset].alias()
        return sa.not_(sa.exists().where(*self._same(due, rows), due.c[_GOES]).correlate(rows))

    def _same(self, due: sa.FromClause, rows: sa.FromClause) -> list[Expression]:
        return [due.c[each.name] == rows.c[each.name] for each in due.c if each.name not in {_STEP, _GOES}]


_STEP, _GOES = "ardoise_step", "ardoise_goes"


def reflected(connection: sa.Connection, location: str) -> sa.Table:
    """The table as it is in the store, seen without the connector that acted."""
    schema, _, name = location.rpartition(".")
    if connection.dialect.name == "sqlite":
        schema, name = "", location
    return sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)


def write(path: Path, tables: Mapping[str, Bystanders]) -> None:
    """Keep the measurements of a store, by location, readable by their owner alone."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({at: asdict(each) for at, each in tables.items()}, sort_keys=True), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(path)


def read(path: Path) -> dict[str, Bystanders] | None:
    """What `write` has written; None when the run never began in the store."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        at: Bystanders(
            _digest(each["rows"]), _digest(each["columns"]), {name: _digest(one) for name, one in each["parts"].items()}
        )
        for at, each in document.items()
    }


def _digest(document: Mapping[str, Any]) -> SetDigest:
    return SetDigest(document["rows"], tuple(document["sums"]))
