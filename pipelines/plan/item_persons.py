"""The persons whom messages and meetings concern, and the holds that cover them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from pipelines.data_map.model import DatasetMap, SubjectLink
from pipelines.engine.holds import HoldRecord
from pipelines.plan.context import Context
from pipelines.plan.dialects import run
from pipelines.plan.evidence import Evidence
from pipelines.plan.holding import Holding, with_holds
from pipelines.plan.item_occurrences import item_tables
from pipelines.plan.links import NAME, STRONG, Key
from pipelines.plan.tables import column
from pipelines.records import item_digest_column

Expression = sa.ColumnElement[Any]

PLACE = ("container", "key", "version")
"""What names an item as it was seen."""


@dataclass
class Persons:
    """The persons of the items of one dataset, in DuckDB over the evidence and the index attached to it."""

    context: Context
    evidence: Evidence
    store: str
    name: str

    @property
    def map(self) -> DatasetMap:
        """The data map's entry."""
        return self.context.dataset(self.store, self.name)

    @cached_property
    def holding(self) -> Holding:
        """The holds that count here.

        A message that was moved, or a mailbox that was rebuilt, has other keys: of a held record that the index has
        not, nobody can tell which one it is now. Until it is found or released, its hold keeps the whole store.
        """
        return self.context.holding.without_trace(self.untraced)

    @cached_property
    def untraced(self) -> tuple[HoldRecord, ...]:
        """The holds on records of the store that the index has not."""
        named = self.context.holding.naming_records(self.store)
        return tuple(each for dataset, holds in named.items() for each in self._lost(dataset, holds))

    def _lost(self, dataset: str, holds: Sequence[HoldRecord]) -> list[HoldRecord]:
        """Those of the holds on records of a dataset whose record the index has not."""
        items, _ = item_tables()
        digest = item_digest_column(self.context.key, self.store, dataset, items.c.container, items.c.key)
        query = sa.select(digest).where(items.c.store == self.store, items.c.dataset == dataset)
        query = query.where(digest.in_({each.scope.record for each in holds}))
        there = {row[0] for row in run(self.evidence.connection, query).fetchall()}
        return [each for each in holds if each.scope.record not in there]

    def relation(self) -> sa.CTE:
        """Each item with each of its subjects, once: digest, and one loose and name form of it.

        Who is given by a name alone has no digest, and is here only if a store knows somebody of that name: a weak
        match, which may stand in the way of a deletion and never asks for one.
        """
        items, people = item_tables()
        named: list[sa.ColumnElement[Any]] = []
        if self.holding.records(self.store, self.name):
            place = items.c.container, items.c.key
            named.append(item_digest_column(self.context.key, self.store, self.name, *place).label("record_digest"))
        same = sa.and_(*(items.c[each] == people.c[each] for each in ("store", "dataset", "container", "key")))
        others = sa.not_(sa.func.coalesce(people.c.own, sa.false()))
        query = (
            sa.select(
                *(items.c[each].label(column(each)) for each in PLACE),
                items.c.first.label("moment_first"),
                items.c.last.label("moment_last"),
                sa.func.coalesce(items.c.endless, sa.false()).label("endless"),
                people.c.digest,
                sa.func.min(people.c.loose).label("loose"),
                sa.func.min(people.c.name_digest).label("name_digest"),
                *named,
            )
            .select_from(items)
            .join(people, sa.and_(same, others))
            .where(items.c.store == self.store, items.c.dataset == self.name, self._concerned(people))
            .group_by(
                *(items.c[each] for each in (*PLACE, "first", "last", "endless")),
                people.c.digest,
                sa.case((people.c.digest.is_(None), people.c.name_digest)),
            )
        )
        return query.cte()

    def _concerned(self, people: sa.FromClause) -> Expression:
        """Whether a participant is a subject of the item, by an address or by a name that some store knows."""
        strong = [link for link in self.map.subjects if link.strength in STRONG]
        names = [link for link in self.map.subjects if link.kind == NAME]
        addressed = sa.and_(people.c.digest.is_not(None), _in_roles(people, strong))
        if not names:
            return addressed
        evidence = sa.table("evidence", sa.column("key", sa.String()), sa.column("digest", sa.String()))
        text = sa.func.replace(sa.cast(evidence.c.digest, sa.String()), "-", "")
        known = sa.select(text).where(evidence.c.key == Key(NAME, weak=True).name)
        named = sa.and_(people.c.digest.is_(None), people.c.name_digest.in_(known), _in_roles(people, names))
        return sa.or_(addressed, named)

    def with_holds(
        self, source: sa.FromClause, people: sa.FromClause, covers: Mapping[str, Sequence[int]]
    ) -> tuple[sa.FromClause, dict[str, Expression]]:
        """Join the holds on the persons, and on the items themselves."""
        if self.holding.narrow:
            self._hand_over_holds()
        digests = [people.c[name] for name in ("digest", "record_digest") if name in people.c]
        return with_holds(source, self.holding, covers, digests)

    def _hand_over_holds(self) -> None:
        table = self.holding.table(temporary=False)
        connection = self.evidence.connection
        connection.execute(f"DROP TABLE IF EXISTS {table.name}")
        run(connection, sa.schema.CreateTable(table))
        for row in self.holding.rows():
            run(connection, table.insert().values(row))


def _in_roles(people: sa.FromClause, links: Sequence[SubjectLink]) -> Expression:
    roles = sorted({role for link in links for role in link.roles})
    return people.c.role.in_(roles) if roles else sa.true()
