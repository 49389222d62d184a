"""What is due in one table, as queries that run in its store: tallies for the plan, keys for the run.

One relation, built in layers, carries for every row the decision of each group of categories, whether the row goes as
a whole, and what blocks that. The plan counts it; a run takes the due keys from it, inside the transaction that acts.
Rows never travel.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.functions import keyed_digest, record_key
from connectors.sql.lines import Restriction, any_row
from pipelines.data_map.model import DatasetMap
from pipelines.plan.artefact import Action, Portion, Step
from pipelines.plan.carried import Carried
from pipelines.plan.compile import (
    Code,
    DecisionColumns,
    EventColumns,
    Group,
    WeakColumns,
    constant,
    day_constant,
    decided,
    decision_columns,
    extended,
    extreme,
    group_categories,
)
from pipelines.plan.context import asked_events
from pipelines.plan.dependants import Dependants
from pipelines.plan.dialects import greatest
from pipelines.plan.expressions import NO_DAY, truth
from pipelines.plan.holding import by_category
from pipelines.plan.joining import Joining, event_columns, hold_columns
from pipelines.plan.moving import Moving
from pipelines.plan.occurrences import Horizon
from pipelines.plan.portions import part_of_person, waits
from pipelines.plan.remembered import leading_covers
from pipelines.plan.tables import column
from pipelines.scan.drift import Drifted
from pipelines.subjects import SEPARATOR
from retention_rules.purposes import EndAction

if TYPE_CHECKING:
    from pipelines.plan.selections import StoreSelections

Expression = sa.ColumnElement[Any]


@dataclass
class Selection:
    """What is due in one table."""

    store: StoreSelections
    name: str

    @property
    def map(self) -> DatasetMap:
        """The data map's entry."""
        return self.store.context.dataset(self.store.store, self.name)

    @cached_property
    def table(self) -> sa.Table:
        """The table, reflected."""
        return self.store.datasets.table(self.map.source)

    @cached_property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The columns of each personal category."""
        found: dict[str, list[str]] = {}
        for name, each in sorted(self.map.personal.items()):
            found.setdefault(each.category, []).append(name)
        return {category: tuple(names) for category, names in sorted(found.items())}

    @cached_property
    def _covers(self) -> Mapping[str, tuple[int, ...]]:
        context = self.store.context
        found = by_category(context.holding, context.policy, self.fields, (self.store.store, self.name))
        leading = leading_covers(context.holding, context.policy, context.maps[self.store.store], self.name)
        return {each: tuple(sorted({*numbers, *leading.get(each, ())})) for each, numbers in found.items()}

    def groups(self, horizon: Horizon) -> tuple[Group, ...]:
        """The categories that are decided together, in a stable order."""
        holds = {category: hold_columns(horizon, covers) for category, covers in self._covers.items() if covers}
        return group_categories(self.store.context.policy, self.fields, holds, prefix=horizon.name)

    @cached_property
    def deletable(self) -> bool:
        """Whether rows can go as a whole at all: every category has a purpose that ends in deletion."""
        return not self.uncovered and self.ends_in_deletion

    @cached_property
    def ends_in_deletion(self) -> bool:
        """Whether the policy would have rows go as a whole."""
        groups = self.groups(self.store.context.horizons[0])
        return bool(groups) and all(any(p.end_action is EndAction.DELETE for p in group.purposes) for group in groups)

    @cached_property
    def uncovered(self) -> tuple[Drifted, ...]:
        """Columns with personal data that nobody has decided about: their rows are emptied of the rest, and stay."""
        store, context = self.store, self.store.context
        shape = store.inventory.find(store.location(self.map.source))
        return context.coverage.drifted(store.store, self.name, self.map, context.policy, shape)

    @cached_property
    def moving(self) -> Moving:
        """What of it moves to the archive."""
        return Moving(self)

    @property
    def takes_rows(self) -> bool:
        """Whether rows can leave the active base at all."""
        return not self.uncovered and (self.deletable or self.moving.possible)

    @cached_property
    def below(self) -> Dependants:
        """What hangs on its rows."""
        return Dependants(self)

    # -- the relation

    def relation(
        self, restriction: Restriction | None = None, ancestors: frozenset[str] = frozenset()
    ) -> sa.FromClause:
        """The decisions on every row that is inside. A plan keeps those for which it asks often; a run decides anew."""
        if restriction is not None:
            return self.decisions(restriction, ancestors)
        if self.store.acting or not (self.store.often or self._asked_often):
            return self.decisions(ancestors=ancestors)
        return self.store.kept(self, ancestors)

    @cached_property
    def _asked_often(self) -> bool:
        """Whether a plan asks for more than one count: for portions too, or for what references or is referenced."""
        active = self.store.context.active(self.store.store)
        above = (self.store.selection(each) for each in active if each != self.name)
        return (
            self.store.context.portion is not None
            or bool(self.below.children)
            or any(parent.dataset == self.name for each in active.values() for parent in each.inherits)
            or any(dependant.dataset == self.name for each in above for dependant in each.below.all)
        )

    def counted(self) -> sa.FromClause:
        """What `relation` says, to be counted: with a column ``weight`` where one row of it stands for several."""
        if not self._alone:
            return self.relation()
        added = functools.partial(self._added, record=False)
        return self.decided(self._joined(self.store.datasets.situations(self.name, added, self._asked)))

    @property
    def _alone(self) -> bool:
        """Whether a row is decided by what it holds alone, in an engine that groups rows without sorting them."""
        store = self.store
        return (
            store.connection.dialect.name == "postgresql"
            and not self.map.inherits
            and not self._asked & set(store.context.supply.events)
            and not (self._asked & store.datasets.told and store.datasets.markable(self.name))  # days may be remembered
            and not any(self._covers.values())
            and store.store not in store.context.archives
            and not (self.takes_rows and self.below.all)
            and not (store.acting or store.context.portion)
        )

    def decisions(
        self,
        restriction: Restriction | None = None,
        ancestors: frozenset[str] = frozenset(),
        also: Sequence[str] = (),
    ) -> sa.CTE:
        """Every row that is inside, with its decisions: see the module; ``also``: with other columns of its own.

        Columns: the key (see `carried.column`), those of `effective`, ``g{n}_done``, ``goes`` and ``b{n}``; where an
        archive is, those of `moving.Moving` too, and ``leaves``.
        """
        return self.decided(self.joining(restriction, also=also), ancestors)

    def joining(self, restriction: Restriction | None, *, arriving: bool = False, also: Sequence[str] = ()) -> Joining:
        """The rows and what is known of them; ``arriving``: with all that an archive is to remember."""
        datasets = self.store.datasets
        targets = [target for child in self.below.all for target in child.reference.target] + list(also)
        linked = arriving or self.store.context.portion is not None
        added = functools.partial(self._added, record=linked)
        carried = datasets.carried(self.name, targets, added, restriction, self._asked | self.moving.told)
        return self._joined(carried, linked=linked)

    def _joined(self, carried: Carried, *, linked: bool = False) -> Joining:
        return Joining(
            context=self.store.context,
            carried=carried,
            tables=self.store.tables,
            incomplete=self.store.incomplete,
            asked=self._asked,
            covers=self._covers,
            fenced=self.store.datasets.fenced,
            linked=linked,
        )

    def decided(self, joining: Joining, ancestors: frozenset[str] = frozenset()) -> sa.CTE:
        """The decisions on these rows."""
        context, fenced = self.store.context, self.store.datasets.fenced
        relation = joining.relation()
        for horizon in context.horizons:
            relation = decided(
                relation,
                joining.layout(horizon),
                context.policy,
                self.groups(horizon),
                as_of=horizon.as_of,
                prefix=horizon.name,
                fenced=fenced,
            )
        relation = extended(relation, self._effective(relation), fenced=fenced)
        if context.portion is not None:
            relation = extended(relation, self._waiting(relation, joining, context.portion), fenced=fenced)
        if self.moving.possible:
            relation = extended(relation, self.moving.columns(relation, joining.carried), fenced=fenced)
        relation = extended(relation, self._row(relation) | self.moving.row(relation), fenced=fenced)
        return self.below.weighed(relation, ancestors)

    def _added(self, table: sa.FromClause, *, record: bool) -> dict[str, Expression]:
        """What only the row itself can tell: which categories are anonymised already, and the digest of its key."""
        datasets = self.store.datasets
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self.groups(self.store.context.horizons[0])):
            marked = (datasets.marked(table, category) for category in group.categories)
            columns[f"g{number}_done"] = sa.and_(sa.true(), *marked)
        if record or self.store.context.holding.records(self.store.store, self.name):
            own = [table.c[name] for name in self.map.key]
            columns["record_digest"] = digest_of_record(self.store.context.key, self.store.store, self.name, own)
        return columns

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The events that the purposes of the dataset's categories speak of."""
        first = self.store.context.horizons[0]
        return asked_events(self.store.context.policy, self.groups(first))

    def event_columns(self, horizon: Horizon, event: str) -> tuple[EventColumns, WeakColumns]:
        """The names of the columns about an event in `decisions`; the relation need not have them."""
        return event_columns(self.store.context.policy, horizon, event)

    # -- decisions of the row

    def effective(self, number: int) -> DecisionColumns:
        """The columns of the decision that counts for the group of that number."""
        return DecisionColumns(f"g{number}_code", f"g{number}_due", f"g{number}_delete", f"g{number}_last")

    def _effective(self, relation: sa.FromClause) -> dict[str, Expression]:
        """For a past as-of date: due is what was due then and is due today; else what today says."""
        first, *others = self.store.context.horizons
        columns: dict[str, Expression] = {}
        for number, group in enumerate(self.groups(first)):
            then, names = decision_columns(group), self.effective(number)
            code: Expression = relation.c[then.code]
            delete: Expression = relation.c[then.delete]
            for horizon in others:
                now = decision_columns(self.groups(horizon)[number])
                code = sa.case((code == constant(Code.DUE), relation.c[now.code]), else_=code)
                delete = sa.and_(delete, relation.c[now.delete])
            columns[names.code] = code
            columns[names.due] = relation.c[then.due]
            columns[names.delete] = truth(delete)
            columns[names.last] = relation.c[then.last]
        return columns

    def _waiting(self, relation: sa.FromClause, joining: Joining, portion: Portion) -> dict[str, Expression]:
        """Which groups of a row wait for a later portion; a person's rows fall into the same part of a day."""
        part = part_of_person(relation, joining.carried.links, "record_digest")
        groups = range(len(self.groups(self.store.context.horizons[0])))
        late = {f"g{number}_waits": waits(portion, relation.c[self.effective(number).due], part) for number in groups}
        return {"part": part} | {name: truth(value) for name, value in late.items()}

    def acting_on(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether a group of a row is due, and not left for a later portion."""
        due: Expression = relation.c[self.effective(number).code] == constant(Code.DUE)
        return due if self.store.context.portion is None else sa.and_(due, sa.not_(relation.c[f"g{number}_waits"]))

    def over(self, relation: sa.FromClause, number: int) -> Expression:
        """Whether a group of a row is to be deleted."""
        return sa.and_(self.acting_on(relation, number), relation.c[self.effective(number).delete])

    def _row(self, relation: sa.FromClause) -> dict[str, Expression]:
        """Whether the whole row is due for deletion, since when, and which purpose kept it last."""
        groups = self.groups(self.store.context.horizons[0])
        names = [self.effective(number) for number in range(len(groups))]
        if not self.takes_rows:
            none = sa.cast(sa.null(), sa.Date())
            return {"wants": sa.false(), "row_due": none, "row_last": sa.cast(sa.null(), sa.Integer())}
        over = [self.over(relation, number) for number in range(len(names))]
        wants, spent = sa.and_(*over), self.moving.spent(relation)
        days: list[Expression] = [relation.c[each.due] for each in names]
        if self.moving.possible:  # what has moved is not due here
            days = [sa.func.coalesce(day, day_constant(NO_DAY), type_=sa.Date()) for day in days]
        due = greatest(days)
        last = sa.case(*((day == due, relation.c[each.last]) for day, each in zip(days, names, strict=True)))
        whole = sa.or_(wants, spent)
        return {"wants": truth(wants), "row_due": sa.case((whole, due)), "row_last": sa.case((whole, last))}

    # -- what is asked of it

    def due_keys(self, step: Step, restriction: Restriction | None = None) -> sa.Select[Any]:
        """The keys of the rows that a step acts on, as columns named like the key.

        In a run, what a restriction lets through is looked at when this is called, in the transaction that acts.
        """
        if restriction is not None and self.store.acting:
            return self.store.looked_at(self, step, restriction)
        return self.acted_on(self.relation(restriction), step)

    def due_with(self, step: Step, also: Sequence[str]) -> sa.Select[Any]:
        """The keys of all rows that a step acts on, with other columns of theirs, in the transaction that acts."""
        return self.store.looked_at(self, step, any_row, also)

    def acted_on(self, relation: sa.FromClause, step: Step, also: Sequence[str] = ()) -> sa.Select[Any]:
        """The keys of the rows of a relation of decisions on which a step acts, as columns named like the key."""
        if step.action is Action.ARCHIVE:
            acted = self.moving.acted_on(relation, step)
        elif step.action is Action.DELETE:
            acted = relation.c.goes
        else:
            acted = self.in_place(relation, self.number(step), suppress=step.suppress)
        return self._keys(relation, also).where(acted)

    def candidates(self, step: Step) -> sa.Select[Any]:
        """The keys of the rows on which a step may act, from decisions made once; `due_keys` is to be asked of each.

        A row that was to go as a whole may turn out to stay: then it is its fields that are acted on.
        """
        relation = self.store.kept(self)
        if step.action is Action.ARCHIVE:
            may = self.moving.candidate(relation, step)
        elif step.action is Action.DELETE:
            may = relation.c.goes
        else:
            may = self._standing(relation, self.number(step), suppress=step.suppress)
        return self._keys(relation).where(may)

    def actionable(self, relation: sa.FromClause) -> Expression:
        """Whether any step could act on a row of the relation."""
        groups = range(len(self.groups(self.store.context.horizons[0])))
        standing = (self._standing(relation, n, suppress=each) for n in groups for each in (False, True))
        moves = (self.moving.moves(relation, n) for n in groups)
        return sa.or_(relation.c.goes, self.moving.leaves(relation), *standing, *moves)

    def backlog(self, relation: sa.FromClause) -> Expression:
        """The first day since which something of a row is due and not done, or all that is left of it; else NULL."""
        numbers = range(len(self.groups(self.store.context.horizons[0])))
        days = [sa.case((self._due(relation, n), relation.c[self.effective(n).due])) for n in numbers]
        days += [sa.case((self.moving.moves(relation, n), self.moving.since(relation, n))) for n in numbers]
        days.append(sa.case((relation.c.goes, relation.c.row_due)))
        return extreme(days, latest=False)

    def _due(self, relation: sa.FromClause, number: int) -> Expression:
        return sa.and_(self.acting_on(relation, number), sa.not_(relation.c[f"g{number}_done"]))

    def in_place(self, relation: sa.FromClause, number: int, *, suppress: bool) -> Expression:
        """Whether a group's fields of a row are anonymised while the row stays."""
        stays = sa.and_(sa.not_(relation.c.goes), sa.not_(self.moving.leaves(relation)))
        return sa.and_(self._standing(relation, number, suppress=suppress), stays)

    def _standing(self, relation: sa.FromClause, number: int, *, suppress: bool) -> Expression:
        """Whether a group's fields of a row are due, and as they were."""
        names = self.effective(number)
        delete = relation.c[names.delete]
        return sa.and_(
            self.acting_on(relation, number),
            delete if suppress else sa.not_(delete),
            sa.not_(relation.c[f"g{number}_done"]),
        )

    def number(self, step: Step) -> int:
        """The number of the group on whose fields a step acts."""
        groups = self.groups(self.store.context.horizons[0])
        return next(n for n, group in enumerate(groups) if set(group.categories) & set(step.categories))

    def _keys(self, relation: sa.FromClause, also: Sequence[str] = ()) -> sa.Select[Any]:
        return sa.select(*(relation.c[column(name)].label(name) for name in (*self.map.key, *also)))


def digest_of_record(key: DigestKey, store: str, dataset: str, columns: Sequence[Expression]) -> Expression:
    """The digest by which a hold names a row, of the columns of its key."""
    place = sa.literal(f"{store}{SEPARATOR}{dataset}{SEPARATOR}", sa.Text)
    return keyed_digest(key, place.concat(record_key(columns)))
