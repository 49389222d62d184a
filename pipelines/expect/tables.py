"""What is expected of the mapped tables of a store before a run, from the data map: one suite for each table.

A single absurd date leaves its record undetermined, and nothing more; many of them say that something is wrong with the
table, and a run that acts on it would act on what nobody meant. So what need not be perfect has a tolerance.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connectors.base import DatasetShape, Inventory, Reference, Source
from connectors.sql.connector import SqlConnector
from connectors.sql.functions import record_key
from connectors.sql.tally import LONGEST_CELL
from connectors.sql.types import plain
from expectations.findings import Stage
from expectations.suites import Check, Suite
from pipelines.anonymise.families import Family, pattern_of
from pipelines.data_map.checks import named_columns
from pipelines.data_map.model import DatasetMap, EventSource, Parent
from pipelines.estate.config import Limit, Tolerance
from pipelines.expect.baseline import DRIFT, ROWS, Baseline, without
from pipelines.expect.kept import inexact, undated, unfit
from pipelines.expect.outcome import by_category, orphans
from pipelines.expect.statements import text_of
from pipelines.plan.dates import day_of, given
from pipelines.plan.dialects import Day
from pipelines.scan.sources import source_of
from retention_rules.events import EARLIEST_DAY, EventKind
from retention_rules.policy import Policy

MAPPED = "the table is as its data map says"
KEYED = "every row has a key of its own"
REFERENCED = "every row that is referenced is there"
PLAUSIBLE = "the dates of events are plausible"
KEPT = "registered statistics can be kept"

SLACK = 10
"""Rows that a small table may gain or lose, whatever share of it they are."""

_ZONES = 2
"""Days by which a zone's today may be later than another's."""

_DAYS = pattern_of(Family.DATE, Family.INSTANT, Family.TEXT)
_NUMBERS = pattern_of(Family.INTEGER, Family.DECIMAL)


@dataclass(frozen=True, slots=True)
class Expecting:
    """What the suites of one store are made from; ``datasets`` are the approved ones of one controller.

    ``marked``: whether the store can have records that were anonymised.
    """

    connector: SqlConnector
    inventory: Inventory
    datasets: Mapping[str, DatasetMap]
    policy: Policy
    known: Baseline
    tolerances: Mapping[str, Tolerance]
    limits: Mapping[str, Limit]
    today: dt.date
    marked: bool

    @property
    def store(self) -> str:
        """The store."""
        return self.connector.store

    def of_tenant(self, dataset: DatasetMap, columns: Mapping[str, sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
        """Whether a row is its tenant's: by its own columns, or else by a row to which it leads, and by all of these.

        Where a join is not by the key of what it leads to, nobody's rows are told by it.
        """
        told: list[sa.ColumnElement[bool]] = [columns[each].in_(values) for each, values in dataset.where.items()]
        above = [each for each in dataset.inherits if self._single(each) and self._scoped(each.dataset)]
        if above and not told:
            told = [sa.or_(*(self._led(each, columns) for each in above))]
            above = above if len(above) > 1 else []
        elsewhere = (self._led(each, columns, elsewhere=True).is_not(sa.true()) for each in above)
        return sa.and_(sa.true(), *told, *elsewhere)

    def _single(self, parent: Parent) -> bool:
        dataset = self.datasets.get(parent.dataset)
        return dataset is not None and {*dataset.key} <= {*parent.on.values()}

    def _scoped(self, name: str) -> bool:
        dataset = self.datasets.get(name)
        return dataset is not None and (bool(dataset.where) or any(self._scoped(up.dataset) for up in dataset.inherits))

    def _led(
        self, parent: Parent, columns: Mapping[str, sa.ColumnElement[Any]], *, elsewhere: bool = False
    ) -> sa.ColumnElement[bool]:
        """Whether a row leads to one of the tenant's, or ``elsewhere``: to one that is not."""
        above = self.datasets[parent.dataset]
        table = self.connector.table(source_of(parent.dataset, above))
        of_tenant = self.of_tenant(above, dict(table.c))
        chosen = of_tenant.is_not(sa.true()) if elsewhere else of_tenant
        theirs = sa.select(*(table.c[each] for each in parent.on.values())).where(chosen)
        own = [columns[each] for each in parent.on]
        return (own[0] if len(own) == 1 else sa.tuple_(*own)).in_(theirs.correlate(None))

    def suites(self) -> Iterator[Suite]:
        """One suite for each table; several datasets may map one, a tenant each."""
        tables: dict[str, list[str]] = {}
        for name, dataset in self.datasets.items():
            tables.setdefault(dataset.source, []).append(name)
        for location, names in tables.items():
            shape = self.inventory.find(location)
            if shape is None:
                continue  # `Estate.check_store` has a better word for it
            checks: dict[tuple[str, str], Check] = {}
            for name in names:
                for check in self._checks(name, self.datasets[name], shape):
                    checks.setdefault((check.dataset, check.measure), check)
            table = self.connector.table(source_of(names[0], self.datasets[names[0]]))
            suite = f"{self.store}.{location}.{Stage.BEFORE}"
            yield Suite(suite, self.store, Stage.BEFORE, table.schema or "", table.name, tuple(checks.values()))

    def _checks(self, name: str, dataset: DatasetMap, shape: DatasetShape) -> Iterator[Check]:
        one = _Table(self, name, dataset, shape)
        yield from one.columns()
        if {column for _, column in named_columns(dataset)} <= {each.name for each in shape.fields}:
            yield from one.keys()
            yield from one.references()
            yield from one.dates()
            yield from one.statistics()
            yield from one.drift()


@dataclass(frozen=True)
class _Table:
    """The checks of one dataset."""

    about: Expecting
    name: str
    dataset: DatasetMap
    shape: DatasetShape

    @cached_property
    def _table(self) -> sa.Table:
        return self.about.connector.table(source_of(self.name, self.dataset))

    @cached_property
    def _columns(self) -> dict[str, sa.ColumnElement[Any]]:
        """The columns by their names alone: what Great Expectations calls the table is its own business."""
        return {each.name: sa.column(each.name, each.type) for each in self._table.c}

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        """Whether a row is of the dataset: of its tenant, by its own columns."""
        return sa.and_(sa.true(), *(self._columns[each].in_(values) for each, values in self.dataset.where.items()))

    @property
    def _tolerance(self) -> Tolerance:
        return self.about.tolerances[self.name]

    def _text(self, element: sa.ClauseElement) -> str:
        return text_of(element, self.about.connector.dialect)

    def _check(self, expectation: str, measure: str, remedy: str, kind: str, **arguments: Any) -> Check:
        expected = arguments.pop("expected", 0)
        return Check(expectation, self.name, measure, remedy, kind, arguments, expected=expected)

    # -- schema

    def columns(self) -> Iterator[Check]:
        """Every column that the data map names is there, and those that must hold days or numbers can."""
        remedy = "Bring it back, or correct the data map and have it approved; then make a new plan."
        columns = list(dict.fromkeys(column for _, column in named_columns(self.dataset)))
        yield self._check(MAPPED, "columns missing", remedy, "expect_columns_to_exist", columns=columns)
        patterns = {each.column: _DAYS for each in self.dataset.events.values() if each.column}
        for statistic in self.dataset.statistics:
            patterns |= {each.column: _DAYS for each in statistic.by if each.by in {"month", "year"}}
            patterns |= {statistic.sum: _NUMBERS} if statistic.sum else {}
        patterns = {name: self._or_domain(name, pattern) for name, pattern in patterns.items()}
        if patterns:
            measure, kind = "columns whose type cannot hold the days or numbers that it must", "types_to_match"
            yield self._check(MAPPED, measure, remedy, f"expect_column_{kind}", patterns=patterns)

    def _or_domain(self, name: str, pattern: str) -> str:
        """A pattern of types that lets a domain over such a type through, by its name."""
        kind = self._table.c[name].type if name in self._table.c else sa.null().type
        restricted = plain(kind)
        known = restricted is not kind and re.fullmatch(pattern, str(restricted), re.IGNORECASE)
        return f"{pattern}|{re.escape(kind.compile(self.about.connector.dialect))}" if known else pattern

    # -- keys and references

    def keys(self) -> Iterator[Check]:
        """No row is without its key, and no two rows have the same."""
        key = self.dataset.key or self.shape.key
        if not key:
            return
        names = ", ".join(key)
        empty = self._text(sa.or_(*(self._columns[each].is_(None) for each in key)))
        remedy = "Find out what writes rows without a key; without one no record can be told from another."
        yield self._check(KEYED, f"rows without a key ({names})", remedy, "expect_no_rows_where", condition=empty)
        remedy = "Remove the duplicates, or name in the data map what tells these rows apart."
        query = self._text(_repeating(self._table, [self._table.c[each] for each in key]))
        yield self._check(KEYED, f"rows whose key ({names}) another has", remedy, "expect_no_offenders", query=query)

    def references(self) -> Iterator[Check]:
        """What the store's foreign keys and the data map say of rows that belong together."""
        parents = {
            (tuple(each.on), self.about.datasets[each.dataset].source): Reference(
                tuple(each.on), self.about.datasets[each.dataset].source, tuple(each.on.values())
            )
            for each in self.dataset.inherits
            if each.dataset in self.about.datasets
        }
        declared = {(each.columns, each.location): each for each in self.shape.references}
        for reference in (parents | declared).values():
            if self.about.inventory.find(reference.location) is None:
                continue
            yield self._reference(reference)

    def _reference(self, reference: Reference) -> Check:
        parent = self.about.connector.table(Source(reference.location, reference.location))
        query, referring = orphans(self._table, parent, reference)
        return self._check(
            REFERENCED,
            f"rows whose {', '.join(reference.columns)} is nowhere in {reference.location}",
            "Restore the referenced rows or remove these; what hangs on nothing is nobody's and is never due.",
            "expect_no_offenders",
            query=self._text(query),
            among=self._text(referring),
            share=self._tolerance.orphans,
        )

    # -- dates

    def dates(self) -> Iterator[Check]:
        """The days of events lie between the earliest that counts and today, or are the end of something."""
        for event, source, column in self._dated():
            told, absurd = self._told(source, column), self._absurd(event, column)
            yield self._check(
                PLAUSIBLE,
                f"rows with an implausible date for `{event}` ({source.column})",
                "Look at the column: a changed format, zeros or dates to come keep their records undetermined. "
                "Mend it, or raise `implausible` under [expectations].",
                "expect_no_rows_where",
                condition=self._text(sa.and_(self._mine, told, absurd)),
                among=self._text(sa.and_(self._mine, told)),
                share=self._tolerance.implausible,
            )

    def _dated(self) -> Iterator[tuple[str, EventSource, sa.ColumnElement[Any]]]:
        """The events that a column supplies."""
        for event, source in self.dataset.events.items():
            if source.column is not None:
                yield event, source, self._columns[source.column]

    def _told(self, source: EventSource, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a row says anything of an event."""
        told = given(column)
        if source.only_if is None:
            return told
        return sa.and_(told, self._columns[source.only_if.column].in_(source.only_if.values))

    def _absurd(self, event: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        dialect = self.about.connector.dialect.name
        latest = self.about.today + dt.timedelta(days=_ZONES)
        point = self.about.policy.events.get(event) is EventKind.POINT
        if dialect == "postgresql" and isinstance(column.type, sa.Date | sa.DateTime):
            day: Any = column  # as the engine compares it: no zone matters to centuries
            read = []
        else:
            day = day_of(column, ZoneInfo("UTC"), dialect, until=latest)
            read = [day.is_(None)]
        bounds = [day < Day(EARLIEST_DAY), *([day > Day(latest)] if point else [])]
        return sa.or_(*read, *bounds)

    # -- statistics

    def statistics(self) -> Iterator[Check]:
        """What statistics group by and sum fits into their ledger: there is no other place for it once rows go."""
        dialect, kind = self.about.connector.dialect.name, "expect_no_rows_where"
        for each in self.dataset.statistics:
            if (condition := unfit(each, self._columns, dialect)) is not None:
                yield self._check(
                    KEPT,
                    f"rows whose group in the statistic {each.name} is binary or has over {LONGEST_CELL} characters",
                    "Shorten those values, or group by something shorter, such as a code, under a new name.",
                    kind,
                    condition=self._text(sa.and_(self._mine, condition)),
                )
            if each.sum and (condition := inexact(self._columns[each.sum], dialect)) is not None:
                yield self._check(
                    KEPT,
                    f"rows whose {each.sum} the statistic {each.name} cannot sum exactly",
                    "Correct those amounts, or sum a column of whole numbers or decimals under a new name.",
                    kind,
                    condition=self._text(sa.and_(self._mine, condition)),
                )
            for by in each.by:
                column = self._columns[by.column]
                if (condition := undated(by, column, dialect)) is not None:
                    yield self._check(
                        KEPT,
                        f"rows whose {by.column} is no date by which the statistic {each.name} can group",
                        "Write dates like 2024-02-29 there, or group by the value under a new name. "
                        "Mend it, or raise `implausible` under [expectations].",
                        kind,
                        condition=self._text(sa.and_(self._mine, given(column), condition)),
                        among=self._text(sa.and_(self._mine, given(column))),
                        share=self._tolerance.implausible,
                    )

    # -- drift

    def _emptied(self, column: str) -> sa.ColumnElement[bool]:
        """Whether a run of before may have emptied a column of a row, which is then no drift.

        It is anonymised with its category; or, where rows hide in groups, once nothing personal is left of the row.
        """
        key = self.dataset.key or self.shape.key
        if not (self.about.marked and key):
            return sa.false()
        record, journal = record_key(self._columns[each] for each in key), self.about.connector.journal
        categories = by_category(self.dataset, self.shape)
        written = {each: journal.marks.written(record, self.name, each) for each in categories}
        if column in self.dataset.personal:
            return written[self.dataset.personal[column].category]
        if self.dataset.anonymity is None:
            return sa.false()
        clear = (
            sa.or_(written[each], sa.and_(*(self._columns[name].is_(None) for name in names)))
            for each, names in categories.items()
        )
        return sa.and_(sa.or_(sa.false(), *written.values()), *clear)

    def drift(self) -> Iterator[Check]:
        """The number of rows is about what the plan counted, and as many as usual have dates."""
        counted, place = self.about.of_tenant(self.dataset, self._columns), (self.about.store, self.name)
        mine = self._text(counted)
        yield self._rows(mine, self.about.known.rows.get(place))
        for event, _, column in self._dated():
            measure = without(event)
            share = self.about.known.undated.get((*place, measure))
            empty = sa.and_(counted, sa.not_(given(column)), sa.not_(self._emptied(column.name)))
            bounds: dict[str, Any] = {}
            if share is not None:
                about = self._tolerance.nulls
                bounds = {"least_share": max(0.0, share - about), "most_share": min(1.0, share + about), "slack": SLACK}
            yield self._check(
                DRIFT, measure,
                "Find out why: what fills or empties the column decides when records are due. If it is right, raise "
                "`nulls` under [expectations] for this run.",
                "expect_rows_where_to_be_between", condition=self._text(empty), among=mine, **bounds,
            )  # fmt: skip

    def _rows(self, mine: str, rows: int | None) -> Check:
        bounds: dict[str, Any] = {}
        if rows is not None:
            far = max(SLACK, math.ceil(self._tolerance.volume * rows))
            least = 1 if rows and not self.about.limits[self.name].empty else 0
            bounds = {"least": max(least, rows - far), "most": rows + far, "expected": rows}
        return self._check(
            DRIFT, ROWS, "Find out what has changed the table since the plan was made; then make a new plan.",
            "expect_rows_where_to_be_between", condition=mine, **bounds,
        )  # fmt: skip


def _repeating(table: sa.Table, key: list[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """How many rows have a key that another row has already."""
    if len(key) == 1:
        return sa.select((sa.func.count(key[0]) - sa.func.count(sa.distinct(key[0]))).label("offenders"))
    times = sa.select(sa.func.count().label("n")).select_from(table).group_by(*key).having(sa.func.count() > 1)
    found = times.subquery("repeating")
    return sa.select(sa.func.coalesce(sa.func.sum(found.c.n - 1), 0).label("offenders"))
