"""Legal holds as columns: which rows a case keeps on the as-of date, and from when released ones are free.

Holds without a subject or record cover whole datasets and become constants; the others are few, and are handed to the
store as a temporary table of digests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from pipelines.engine.holds import HoldRecord
from pipelines.plan.compile import HoldColumns
from pipelines.plan.expressions import extreme
from pipelines.plan.occurrences import Horizon
from retention_rules.policy import Policy

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Cover:
    """What a set of holds with the same scope covers: a store, a dataset, categories; None or empty is all."""

    store: str | None
    dataset: str | None
    categories: frozenset[str]

    def applies(self, store: str, dataset: str) -> bool:
        """Whether it covers records of a dataset."""
        return self.store in {None, store} and self.dataset in {None, dataset}

    def covers(self, policy: Policy, category: str) -> bool:
        """Whether it covers a category."""
        return not self.categories or policy.covers(self.categories, category)


@dataclass(frozen=True, slots=True)
class Standing:
    """Holds on one as-of date: whether one is in force, and the last release of those that were."""

    held: bool
    release: dt.date | None

    @classmethod
    def of(cls, holds: Iterable[HoldRecord], as_of: dt.date) -> Standing:
        """Holds that begin after the as-of date are invisible; one released before it began never was."""
        seen = [h for h in holds if h.since <= as_of and (h.until is None or h.since < h.until)]
        return cls(
            any(h.until is None or as_of < h.until for h in seen),
            max((h.until for h in seen if h.until is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class HeldTable:
    """The temporary table in a store: one row for each digest and number of a cover."""

    table: sa.Table


@dataclass(frozen=True)
class Holding:
    """All holds of a run."""

    holds: tuple[HoldRecord, ...]
    horizons: tuple[Horizon, ...]

    @property
    def covers(self) -> tuple[Cover, ...]:
        """The distinct scopes, numbered by their place."""
        return tuple(dict.fromkeys(_cover(hold) for hold in self.holds))

    @property
    def unreleased(self) -> tuple[HoldRecord, ...]:
        """The holds that are not released today, later ones too."""
        return tuple(each for each in self.holds if each.active(self.horizons[-1].as_of))

    def over(self, store: str, dataset: str) -> tuple[HoldRecord, ...]:
        """Those of them that may keep records of a dataset."""
        return tuple(each for each in self.unreleased if _cover(each).applies(store, dataset))

    def of_records(self, store: str, dataset: str, as_of: dt.date) -> bool:
        """Whether a hold in force keeps records of a dataset, all of them or some, whoever they are of."""
        found = (h for h in self.holds if not h.scope.subject and _cover(h).applies(store, dataset))
        return Standing.of(found, as_of).held

    def constant(self, cover: Cover, horizon: Horizon) -> Standing:
        """The standing of the holds that cover everything in the scope."""
        whole = (h for h in self.holds if _cover(h) == cover and not h.scope.subject and not h.scope.record)
        return Standing.of(whole, horizon.as_of)

    def of_persons(self, cover: Cover, horizon: Horizon) -> Standing:
        """The standing of the holds of this scope on persons, whoever they are."""
        return Standing.of((h for h in self.holds if _cover(h) == cover and h.scope.subject), horizon.as_of)

    def records(self, store: str, dataset: str) -> bool:
        """Whether a hold names a record of this dataset."""
        return any(h.scope.record and _cover(h).applies(store, dataset) for h in self.holds)

    def naming_records(self, store: str) -> Mapping[str, tuple[HoldRecord, ...]]:
        """The holds in force today that name a record of a store, by its dataset."""
        found: dict[str, list[HoldRecord]] = {}
        for each in self.holds:
            if each.scope.record and each.scope.store == store and each.active(self.horizons[-1].as_of):
                found.setdefault(str(each.scope.dataset), []).append(each)
        return {name: tuple(holds) for name, holds in found.items()}

    def without_trace(self, lost: Collection[HoldRecord]) -> Holding:
        """The same, where nobody knows any more which records some holds mean: these cover their whole store."""
        scopes = {each.id: replace(each.scope, dataset=None, record=None, subject=None) for each in lost}
        holds = (replace(each, scope=scopes.get(each.id, each.scope)) for each in self.holds)
        return replace(self, holds=tuple(holds))

    @property
    def narrow(self) -> bool:
        """Whether some hold names a subject or a record."""
        return any(h.scope.subject or h.scope.record for h in self.holds)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the temporary table."""
        grouped: dict[tuple[int, str], list[HoldRecord]] = {}
        covers = {cover: number for number, cover in enumerate(self.covers)}
        for hold in self.holds:
            for digest in filter(None, {hold.scope.subject, hold.scope.record}):
                grouped.setdefault((covers[_cover(hold)], digest), []).append(hold)
        rows = []
        for (cover, digest), holds in sorted(grouped.items()):
            row: dict[str, Any] = {"cover": cover, "digest": digest}
            for horizon in self.horizons:
                standing = Standing.of(holds, horizon.as_of)
                row[f"{horizon.name}_held"] = standing.held
                row[f"{horizon.name}_release"] = standing.release
            rows.append(row)
        return rows

    def table(self, *, temporary: bool = True) -> sa.Table:
        """The table of narrow holds, not yet created."""
        return sa.Table(
            "ardoise_holds",
            sa.MetaData(),
            sa.Column("cover", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("digest", sa.String(64), primary_key=True),
            *(sa.Column(f"{each.name}_held", sa.Boolean, nullable=False) for each in self.horizons),
            *(sa.Column(f"{each.name}_release", sa.Date) for each in self.horizons),
            prefixes=["TEMPORARY"] if temporary else [],
        )

    def hand_over(self, connection: sa.Connection) -> None:
        """Fill the temporary table, where some hold is narrow."""
        if self.narrow:
            table = self.table()
            connection.execute(sa.schema.DropTable(table, if_exists=True))
            table.create(connection, checkfirst=False)
            connection.execute(table.insert(), self.rows())


def with_holds(
    source: sa.FromClause,
    holding: Holding,
    covers: Mapping[str, Sequence[int]],
    digests: Sequence[Expression],
    anybody: Expression | None = None,
) -> tuple[sa.FromClause, dict[str, Expression]]:
    """Join what holds say of each row, by the digests that name it, and give the columns of `hold_columns`.

    ``covers``: the numbers of the covers that concern each category. The table of narrow holds is there. ``anybody``:
    whether a row names somebody whom no engine can read, who may be any person that is held.
    """
    several = sorted({tuple(numbers) for numbers in covers.values() if numbers})
    joined: dict[int, list[sa.FromClause]] = {number: [] for numbers in several for number in numbers}
    if holding.narrow:
        for number in sorted(joined):
            for digest in digests:
                held = holding.table().alias()
                source = sa.outerjoin(source, held, sa.and_(held.c.cover == number, held.c.digest == digest))
                joined[number].append(held)
    columns: dict[str, Expression] = {}
    for horizon in holding.horizons:
        for numbers in several:
            names = hold_columns(horizon, numbers)
            standing = [_standing_columns(holding, number, horizon, joined[number]) for number in numbers]
            if anybody is not None:
                persons = (holding.of_persons(holding.covers[number], horizon) for number in numbers)
                standing += [_if(anybody, each) for each in persons]
            releases = [each for _, found in standing for each in found]
            columns[names.held] = sa.case((sa.or_(*(held for held, _ in standing)), sa.true()), else_=sa.false())
            columns[names.release] = extreme(releases, latest=True) if releases else sa.cast(sa.null(), sa.Date())
    return source, columns


def hold_columns(horizon: Horizon, covers: Sequence[int]) -> HoldColumns:
    """The names of the columns about the holds of these numbers."""
    stem = f"{horizon.name}h{'_'.join(map(str, covers))}"
    return HoldColumns(f"{stem}_held", f"{stem}_release")


def _standing_columns(
    holding: Holding, number: int, horizon: Horizon, joined: Sequence[sa.FromClause]
) -> tuple[Expression, list[Expression]]:
    """Whether a cover's holds keep a row, and the releases that count for it."""
    whole = holding.constant(holding.covers[number], horizon)
    held: list[Expression] = [sa.true() if whole.held else sa.false()]
    releases: list[Expression] = [] if whole.release is None else [sa.literal(whole.release, sa.Date())]
    for each in joined:
        held.append(sa.func.coalesce(each.c[f"{horizon.name}_held"], sa.false()))
        releases.append(each.c[f"{horizon.name}_release"])
    return sa.or_(*held), releases


def _if(condition: Expression, standing: Standing) -> tuple[Expression, list[Expression]]:
    """The standing of holds, for the rows that fulfil a condition."""
    releases = [] if standing.release is None else [sa.case((condition, sa.literal(standing.release, sa.Date())))]
    return condition if standing.held else sa.false(), list[Expression](releases)


def by_category(
    holding: Holding, policy: Policy, categories: Iterable[str], place: tuple[str, str]
) -> Mapping[str, tuple[int, ...]]:
    """The numbers of the covers that concern each category of a dataset."""
    return {
        category: tuple(
            number
            for number, cover in enumerate(holding.covers)
            if cover.applies(*place) and cover.covers(policy, category)
        )
        for category in sorted(set(categories))
    }


def _cover(hold: HoldRecord) -> Cover:
    return Cover(hold.scope.store, hold.scope.dataset, hold.scope.categories)
