"""What planning and acting for one controller have in common: the policy, the maps, the dates, the holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from connectors.digests import DigestKey
from pipelines.data_map.model import DatasetMap, StoreMap
from pipelines.engine.holds import HoldRecord
from pipelines.engine.requests import RequestRecord
from pipelines.plan.artefact import Portion
from pipelines.plan.compile import Group
from pipelines.plan.holding import Holding
from pipelines.plan.occurrences import Horizon
from pipelines.plan.supply import Supply, supply
from pipelines.scan.drift import Coverage
from retention_rules.conditions import events_in, facts_in
from retention_rules.policy import Policy
from retention_rules.purposes import Purpose

AS_OF = "a"
TODAY = "t"


@dataclass(frozen=True)
class Context:
    """One controller on one as-of date. In a past one only what is due today as well is acted on: two horizons.

    ``archives`` are the stores that have an intermediate archive. ``portion``: what is due later than that waits.
    ``coverage``: what scans have found of columns that nobody has decided about. ``awaited``: the holds, by number, of
    which is known whom they make wait (`plan.awaited`).
    """

    policy: Policy
    controller: str
    maps: Mapping[str, StoreMap]
    key: DigestKey
    horizons: tuple[Horizon, ...]
    supply: Supply
    holding: Holding
    archives: frozenset[str] = frozenset()
    portion: Portion | None = None
    coverage: Coverage = field(default_factory=Coverage)
    awaited: frozenset[int] = frozenset()

    def under(self, holds: Iterable[HoldRecord]) -> Context:
        """The same under other holds."""
        return replace(self, holding=replace(self.holding, holds=tuple(holds)))

    @property
    def as_of(self) -> dt.date:
        """The date for which is planned."""
        return self.horizons[0].as_of

    @property
    def of_subjects(self) -> frozenset[str]:
        """The events that may concern subjects: what stores tell of them, and what they can ask for."""
        asked_for = {purpose.ended_by for purpose in self.policy.purposes if purpose.ended_by}
        return frozenset(self.supply.events) | asked_for

    def dataset(self, store: str, name: str) -> DatasetMap:
        """The data map's entry."""
        return self.maps[store].datasets[name]

    def active(self, store: str) -> dict[str, DatasetMap]:
        """The approved datasets of the controller in a store, by name."""
        store_map = self.maps.get(store)
        found = store_map.active if store_map else {}
        return {name: each for name, each in sorted(found.items()) if each.controller == self.controller}


def horizons(as_of: dt.date, today: dt.date) -> tuple[Horizon, ...]:
    """The as-of date, and today beside it when it is past."""
    first = Horizon(AS_OF, as_of, today)
    return (first, Horizon(TODAY, today, today)) if as_of < today else (first,)


def context(
    *,
    policy: Policy,
    controller: str,
    maps: Mapping[str, StoreMap],
    key: DigestKey,
    holding: Holding,
    archives: frozenset[str] = frozenset(),
    requests: Iterable[RequestRecord] = (),
) -> Context:
    """Bring together what is known before any store is asked."""
    supplied = supply(maps, controller, policy, requests)
    return Context(policy, controller, maps, key, holding.horizons, supplied, holding, archives)


def asked_events(policy: Policy, groups: Iterable[Group]) -> frozenset[str]:
    """The events that the purposes of these groups of categories depend on, through named facts too."""
    return asked_of(policy, (purpose for group in groups for purpose in group.purposes))[0]


def asked_of(policy: Policy, purposes: Iterable[Purpose]) -> tuple[frozenset[str], frozenset[str]]:
    """The events and the supplied facts that purposes depend on, through named facts too."""
    events: set[str] = set()
    facts: set[str] = set()
    for purpose in {purpose.name: purpose for purpose in purposes}.values():
        events |= {*purpose.starting_point.events, *([purpose.ended_by] if purpose.ended_by else [])}
        conditions = [each for each in (purpose.when, *(branch.when for branch in purpose.periods)) if each is not None]
        while conditions:
            condition = conditions.pop()
            events |= events_in(condition)
            named = facts_in(condition)
            facts |= {name for name in named if name in policy.supplied_facts}
            conditions += [policy.facts[name] for name in named if name in policy.facts]
    return frozenset(events), frozenset(facts)


def oldest_that_matters(policy: Policy, event: str, as_of: dt.date) -> dt.date:
    """The day after which an occurrence of the event could still keep something alive.

    An event that a condition asks about, or that ends a purpose, always matters.
    """
    cutoffs = []
    for purpose in policy.purposes:
        conditions = [each for each in (purpose.when, *(branch.when for branch in purpose.periods)) if each is not None]
        conditions += policy.facts.values()
        if event == purpose.ended_by or any(event in events_in(condition) for condition in conditions):
            return dt.date.min
        if event in purpose.starting_point.events:
            cutoffs += [branch.period.cutoff(as_of) for branch in purpose.periods] or [as_of]
    return min(cutoffs, default=as_of)
