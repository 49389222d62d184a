"""The datasets of one SQL store over one connection, and what is due in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.base import Inventory
from connectors.sql.lines import Restriction, any_row
from pipelines.plan.artefact import Step
from pipelines.plan.carried import Datasets
from pipelines.plan.context import Context
from pipelines.plan.evidence import Evidence, HandedOver
from pipelines.plan.kept import EVERY, Kept, keep
from pipelines.plan.links import Key
from pipelines.plan.selection import Selection
from pipelines.plan.tables import Looking, column


@dataclass
class StoreSelections:
    """The datasets of one SQL store over one connection, with the evidence handed over to it.

    ``acting``: the queries are for a run, in which children went before: any child row that is there blocks.
    ``often``: each dataset will be asked for more than its counts.
    """

    context: Context
    store: str
    connection: sa.Connection
    inventory: Inventory
    tables: Mapping[Key, HandedOver]
    incomplete: frozenset[str]
    acting: bool = False
    rows: Datasets | None = None
    often: bool = False
    _cache: dict[str, Selection] = field(default_factory=dict)
    _kept: dict[str, sa.Table | None] = field(default_factory=dict)
    _looks: dict[tuple[str, Looking], Kept] = field(default_factory=dict)
    _marked: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        context: Context,
        store: str,
        connection: sa.Connection,
        inventory: Inventory,
        evidence: Evidence,
        *,
        acting: bool = False,
        rows: Datasets | None = None,
        often: bool = False,
    ) -> StoreSelections:
        """Hand over evidence and holds to a connection, as temporary tables; the caller commits or not.

        ``rows``: the store's datasets over this connection, where somebody has looked at them already.
        """
        keys = {key for name in context.active(store) for key in evidence.keys_of(context, store, name)}
        tables = evidence.hand_over(connection, keys, looked_up=acting)
        context.holding.hand_over(connection)
        return cls(context, store, connection, inventory, tables, evidence.incomplete, acting, rows, often)

    def under(self, context: Context) -> StoreSelections:
        """The same under the holds of another context, which are handed over anew; the evidence stays as it is."""
        context.holding.hand_over(self.connection)
        return replace(self, context=context, _cache={}, _kept={}, _looks={})

    def begin(self, dataset: str, marked: frozenset[str]) -> None:
        """A step begins to act on a dataset, which has marks of these categories."""
        self._marked = {dataset: marked}
        self._looks.clear()
        self.datasets.looking = None

    @cached_property
    def datasets(self) -> Datasets:
        """The store's rows."""
        context = self.context
        return self.rows or Datasets(
            self.connection,
            context.maps[self.store],
            context.policy,
            context.key,
            context.horizons,
            still=not self.acting,
            told=context.of_subjects,
        )

    def location(self, source: str) -> str:
        """A data map's source as the inventory names it."""
        if self.connection.dialect.name != "postgresql" or "." in source:
            return source
        return f"{self.connection.dialect.default_schema_name}.{source}"

    def selection(self, dataset: str) -> Selection:
        """What is due in one dataset."""
        if dataset not in self._cache:
            self._cache[dataset] = Selection(self, dataset)
        return self._cache[dataset]

    def kept(self, selection: Selection, ancestors: frozenset[str] = frozenset()) -> sa.FromClause:
        """The decisions of a dataset, evaluated once on this connection; within a cycle of references, not kept.

        For a run, of the rows alone on which a step could act.
        """
        name = selection.name
        if name not in self._kept:
            self._kept[name] = None
            if name in self._marked:
                self.datasets.looking = Looking(name, None, self._marked[name])
            relation = selection.decisions(None, ancestors)
            where = selection.actionable(relation) if self.acting else None
            key = [column(each) for each in selection.map.key]
            self._kept[name] = keep(self.connection, self._number(name), relation, key, where)
        table = self._kept[name]
        return selection.decisions(None, ancestors) if table is None else table.alias()

    def looked_at(
        self, selection: Selection, step: Step, restriction: Restriction, also: Sequence[str] = ()
    ) -> sa.Select[Any]:
        """The keys of those of some rows on which a step acts now, in the transaction that asks; a call looks again.

        Only of the dataset on which a step has begun to act. Whoever asks of all rows does so once, and keeps the keys,
        with other columns that it wants ``also``.
        """
        looking = Looking(selection.name, restriction, self._marked[selection.name])
        place = (step.id, looking)
        if place in self._looks:
            self._looks[place].anew(self.connection)
            return sa.select(self._looks[place].table)
        self.datasets.looking = looking
        keys = selection.acted_on(selection.decisions(restriction, also=also), step, also)
        if restriction is any_row:
            return keys
        name = f"looked_at_{self._number(selection.name)}"
        self._looks[place] = Kept.made(self.connection, name, keys.subquery(), columns=EVERY)
        return sa.select(self._looks[place].table)

    def _number(self, dataset: str) -> int:
        return sorted(self.context.active(self.store)).index(dataset)
