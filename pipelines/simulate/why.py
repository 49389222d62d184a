"""Why one record stands as it does: the reference decides on it with its reasons, and the compilation must agree.

The record is found by its key in its store; what is taken from there are days, states and digests, never a value.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connectors.sql.engines import speaking_for
from pipelines.errors import ArdoiseError, Unavailable, UsageError
from pipelines.estate import Estate
from pipelines.plan.carried import column
from pipelines.plan.compile import Code, EventColumns, Group, decision_columns
from pipelines.plan.context import Context
from pipelines.plan.context import horizons as plan_horizons
from pipelines.plan.dialects import run
from pipelines.plan.facts import fact_column
from pipelines.plan.holding import Cover
from pipelines.plan.item_selection import ItemSelection
from pipelines.plan.occurrences import Horizon
from pipelines.plan.selection import Selection
from pipelines.records import item_digest, key_columns, record_digest
from pipelines.simulate.horizon import Decisions
from pipelines.simulate.survey import Survey, surveyed, viewed
from retention_rules.decide import Facts
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Event, Known, Missing, Open
from retention_rules.explain import Explanation, explain
from retention_rules.holds import Hold
from retention_rules.policy import Policy
from retention_rules.purposes import EndAction

Row = Mapping[str, Any]

NAMED = ("container", "key")
"""What names an item; its key alone, where no other folder has the same."""


class Disagreement(ArdoiseError):
    """The compiled selection says something else than the reference: a defect; no plan is to be trusted."""


@dataclass(frozen=True, slots=True)
class View:
    """What is decided on a date, per category. ``doubtful``: events that a weak match makes uncertain."""

    as_of: dt.date
    categories: tuple[Explanation, ...]
    doubtful: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One of those whom a record concerns; a row of a table has one. Two views for a past date: then, and today."""

    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Everything that decides on one record.

    ``done``: the categories that are anonymised already. ``whole``: what becomes of the record as such on the as-of
    date, in words. ``blockers``: the datasets whose living records keep it from deletion. ``gaps``: what the stores
    could not tell.
    """

    store: str
    dataset: str
    policy: Policy
    as_of: dt.date
    people: tuple[Person, ...]
    done: tuple[str, ...]
    whole: str
    blockers: tuple[str, ...]
    gaps: tuple[str, ...]


def why(
    estate: Estate, controller: str, store: str, dataset: str, key: Sequence[str], *, as_of: dt.date, today: dt.date
) -> Why:
    """Explain one record.

    Args:
        estate: the estate.
        controller: whose policy decides.
        store: its name.
        dataset: its name in the data map.
        key: the values of a row's key columns; of a message or meeting its key, after its folder where that is needed.
        as_of: the date for which is decided.
        today: the current day.

    Raises:
        UsageError: there is no such dataset or record, or more than one.
        Unavailable: the store cannot be reached, or was never scanned.
        Disagreement: the compiled selection says something else than the reference.
    """
    policy = estate.policy(controller)
    with contextlib.closing(estate.engine()) as engine:
        estate = estate.acting(engine)
        context = viewed(estate, engine, controller, policy, plan_horizons(as_of, today))
    mapped = context.active(store).get(dataset)
    where = f"{store}.{dataset}"
    if mapped is None:
        raise UsageError(f"{controller} has no approved dataset of this name", where, "`ardoise review` lists them.")
    digest = record_digest(estate, store, dataset, _whole(estate, store, dataset, key)) if mapped.key else ""
    with surveyed(estate, context) as survey:
        if store in survey.found.down or (not mapped.key and (store, dataset) not in survey.found.scans):
            raise Unavailable("nothing is known of it now", where, "Bring the store back, or run `ardoise scan`.")
        explainer = _Explainer(context, survey, store, dataset)
        return explainer.row(key, digest) if mapped.key else explainer.item(key)


def _whole(estate: Estate, store: str, dataset: str, key: Sequence[str]) -> Sequence[str]:
    names = key_columns(estate, store, dataset)
    if len(key) != len(names):
        remedy = f"Give the values of: {', '.join(names)}."
        raise UsageError(f"the key has {len(names)} columns, {len(key)} were given", f"{store}.{dataset}", remedy)
    return key


@dataclass(frozen=True)
class _Explainer:
    context: Context
    survey: Survey
    store: str
    dataset: str

    def row(self, key: Sequence[str], digest: str) -> Why:
        """A row of a table."""
        selections = self.survey.selections(self.context, self.store)
        selection = selections.selection(self.dataset)

        def this(table: sa.FromClause) -> sa.ColumnElement[Any]:
            same = zip(selection.map.key, key, strict=True)
            return sa.and_(*(sa.cast(table.c[name], sa.Text) == value for name, value in same))

        with speaking_for(self.store):
            found = selections.connection.execute(sa.select(selection.decisions(this))).mappings().all()
            carried = selections.datasets.carried(self.dataset, restriction=this, events=frozenset())
            strong = [carried.relation.c[label] for label, each in carried.links.items() if not each.weak]
            subjects = selections.connection.execute(sa.select(*strong)).one_or_none() if strong else None
        if len(found) != 1:
            raise UsageError("the record belongs to another tenant", self._where, "Name a record of this controller.")
        row = {str(name): value for name, value in found[0].items()}
        person = self._person(selection, row, {digest, *filter(None, subjects or ())})
        groups = selection.groups(self.context.horizons[0])
        done = [number for number in range(len(groups)) if row[f"g{number}_done"]]
        children = selection.children if selection.deletable else ()
        blockers = tuple(each.dataset or each.location for number, each in enumerate(children) if row[f"b{number}"])
        return self._why(
            (person,),
            done=tuple(category for number in done for category in groups[number].categories),
            whole=_whole_row(bool(row["goes"]), blockers),
            blockers=blockers,
        )

    def item(self, key: Sequence[str]) -> Why:
        """A message or meeting, with each of its persons."""
        if len(key) > len(NAMED):
            raise UsageError("a message or meeting has one key", self._where, "Give its folder, then its key.")
        selection = ItemSelection(self.context, self.survey.found.evidence, self.store, self.dataset)
        relation, items = selection.relation(), selection.decided_items()
        rows = list(self._rows(relation, key))
        together = list(self._rows(items, key))
        if len(together) > 1:
            raise UsageError("several folders have such a record", self._where, "Give its folder, then its key.")
        if not together:
            raise UsageError(
                "there is no such record, or it concerns nobody but the controller", self._where, "Such records stay."
            )
        place = (str(together[0][column(name)]) for name in NAMED)
        record = item_digest(self.context.key, self.store, self.dataset, *place)
        people = tuple(self._person(selection, row, {row["digest"], record}) for row in rows)
        self._agree_together(selection, people, together[0])
        whole = (
            "it goes as a whole"
            if together[0]["all_due"]
            else "it stays, and is redacted of those for whom everything is due"
            if together[0]["some_due"]
            else "it stays as it is"
        )
        return self._why(people, done=(), whole=whole, blockers=())

    @property
    def _where(self) -> str:
        return f"{self.store}.{self.dataset}"

    def _why(self, people: tuple[Person, ...], *, done: tuple[str, ...], whole: str, blockers: tuple[str, ...]) -> Why:
        return Why(
            self.store, self.dataset, self.context.policy, self.context.as_of, people, done, whole, blockers,
            self.survey.gaps,
        )  # fmt: skip

    def _rows(self, relation: sa.FromClause, key: Sequence[str]) -> Iterator[Row]:
        names = NAMED[-len(key) :]
        query = sa.select(relation).where(
            *(relation.c[column(name)] == value for name, value in zip(names, key, strict=False))
        )
        found = run(self.survey.found.evidence.connection, query)
        columns = [each[0] for each in found.description]
        for values in found.fetchall():
            yield dict(zip(columns, values, strict=True))

    # -- the reference, and the compilation beside it

    def _person(self, selection: Selection | ItemSelection, row: Row, digests: set[str]) -> Person:
        return Person(tuple(self._view(selection, row, digests, horizon) for horizon in self.context.horizons))

    def _view(self, selection: Decisions, row: Row, digests: set[str], horizon: Horizon) -> View:
        policy = self.context.policy
        groups = selection.groups(horizon)
        facts, doubtful = self._facts(selection, row, horizon)
        holds = tuple(self._holds(selection, digests))
        explained = explain(
            [category for group in groups for category in group.categories],
            facts,
            policy,
            holds=holds,
            as_of=horizon.as_of,
        )
        for group in groups:
            for category in group.categories:
                self._agree(group, row, explained[category].decision)
        return View(horizon.as_of, tuple(explained.values()), doubtful)

    def _facts(self, selection: Decisions, row: Row, horizon: Horizon) -> tuple[Facts, tuple[str, ...]]:
        policy = self.context.policy
        events: dict[str, tuple[Event, ...]] = {}
        doubtful: list[str] = []
        for event in sorted(policy.events):
            names, weak = selection.event_columns(horizon, event)
            if names.open in row:
                events[event] = tuple(_states(row, names))
                if row[names.missing] and (row.get(weak.open) or row.get(weak.last)):
                    doubtful.append(event)
        values = {
            name: _fact(row[fact_column(policy, name)], kind)
            for name, kind in policy.supplied_facts.items()
            if fact_column(policy, name) in row
        }
        return Facts(events, values), tuple(doubtful)

    def _holds(self, selection: Decisions, digests: set[str]) -> Iterator[Hold]:
        """The holds whose scope covers the record, whatever their dates."""
        holding = selection.persons.holding if isinstance(selection, ItemSelection) else self.context.holding
        for each in holding.holds:
            scope = each.scope
            place = Cover(scope.store, scope.dataset, scope.categories).applies(self.store, self.dataset)
            if place and (not (scope.subject or scope.record) or {scope.subject, scope.record} & digests):
                yield each.hold

    def _agree(self, group: Group, row: Row, decision: Decision) -> None:
        names = decision_columns(group)
        same = Code(row[names.code]) is code_of(decision)
        if same and isinstance(decision, Due):
            action = EndAction.DELETE if row[names.delete] else EndAction.ANONYMISE
            same = _day(row[names.due]) == decision.since and action is decision.action
        if not same:
            raise Disagreement(
                f"of {', '.join(group.categories)} the compiled selection says {Code(row[names.code]).name.lower()}, "
                f"the reference {code_of(decision).name.lower()}: this is a defect",
                self._where,
                "Approve no plan, and report it.",
            )

    def _agree_together(self, selection: ItemSelection, people: Sequence[Person], row: Row) -> None:
        """An item is kept while it is for someone."""
        for number, group in enumerate(selection.groups(self.context.horizons[0])):
            codes = {_code(person, group.categories[0]) for person in people}
            said = {code for code in Code if row[f"g{number}_{code.name.lower()}"]}
            if codes != said:
                raise Disagreement("the item's persons do not add up", self._where, "Approve no plan, and report it.")


def code_of(decision: Decision) -> Code:
    """A decision of the reference as the compiled columns carry it."""
    match decision:
        case Keep():
            return Code.KEEP
        case Archive():
            return Code.ARCHIVE
        case Due():
            return Code.DUE
        case Held():
            return Code.HELD
        case Undetermined():
            return Code.UNDETERMINED


def _code(person: Person, category: str) -> Code:
    """What counts for a person: due is what was due then and is due today."""
    codes = [code_of(each.decision) for view in person.views for each in view.categories if each.category == category]
    return next((code for code in codes if code is not Code.DUE), Code.DUE)


def _whole_row(goes: bool, blockers: Sequence[str]) -> str:
    if goes:
        return "the row is deleted"
    return (
        "the row stays: it is still needed" if blockers else "the row stays; what is due in it is emptied or replaced"
    )


def _states(row: Row, names: EventColumns) -> Iterator[Event]:
    if row[names.open]:
        yield Open()
    if row[names.missing]:
        yield Missing()
    for name in dict.fromkeys((names.first, names.last)):
        day = _day(row[name])
        if day is not None:
            yield Known(day)


def _fact(value: Any, kind: str) -> bool | Decimal | str | None:
    if value is None:
        return None
    return bool(value) if kind == "boolean" else Decimal(str(value)) if kind == "number" else str(value)


def _day(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
