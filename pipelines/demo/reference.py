"""What must become of every record of the demonstration: slow, simple, and independent of the planner.

Facts are gathered in plain Python over the generated objects (`truth`) and handed to `retention_rules.decide`, one
record at a time. End-to-end tests hold the engine equal to this.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from pipelines.data_map.loading import load_map
from pipelines.demo.company import Company
from pipelines.demo.moments import AS_OF
from pipelines.demo.truth import Happening, Identity, Lives, Truth, lives, records
from retention_rules.decide import Facts, decide
from retention_rules.decisions import Decision, Due
from retention_rules.events import Absent, Event, EventKind, Known, Missing, Open, latest
from retention_rules.holds import Hold
from retention_rules.loading import load_policy
from retention_rules.policy import Policy
from retention_rules.purposes import EndAction

_STORES = ("billing", "mail", "calendar", "crm")
ITEM_STORES = frozenset({"mail", "calendar"})
Decisions = Mapping[str, Decision]
"""A decision per category."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run must do, and that it must do nothing else.

    ``anonymised`` gives the due categories of rows that stay, ``redacted`` the due addresses of items that stay.
    """

    deleted: frozenset[Identity]
    anonymised: Mapping[Identity, frozenset[str]]
    redacted: Mapping[Identity, frozenset[str]]
    kept: frozenset[Identity]

    @property
    def acted(self) -> frozenset[Identity]:
        """Every record that changes or goes."""
        return self.deleted | frozenset(self.anonymised) | frozenset(self.redacted)


class Reference:
    """The decisions over a company under a policy. ``with_case``: the demonstration's hold is in force."""

    def __init__(self, company: Company, policy: Policy | None = None, *, with_case: bool = True) -> None:
        self.company = company
        self.policy = policy or load_policy("julien")
        case = company.case
        self._holds: dict[str, tuple[Hold, ...]] = {}
        if with_case:
            self._holds = {email: (Hold(case.name, case.since),) for email in case.emails}
        self._known: dict[object, Decisions] = {}
        self._seen: dict[object, dict[str, Event]] = {}

    @cached_property
    def _lives(self) -> Lives:
        return lives(self.company)

    @cached_property
    def _records(self) -> tuple[Truth, ...]:
        return tuple(records(self.company))

    @cached_property
    def categories(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The personal categories of each dataset, as the shipped data maps have them."""
        found = {}
        with resources.as_file(resources.files("pipelines.demo") / "estate" / "data_map") as folder:
            for store in _STORES:
                for name, dataset in load_map(Path(folder) / f"{store}.yaml").map.active.items():
                    found[store, name] = frozenset(each.category for each in dataset.personal.values())
        return found

    def decisions(
        self, as_of: dt.date = AS_OF, today: dt.date | None = None
    ) -> Iterator[tuple[Truth, Mapping[str, Decisions]]]:
        """Every record, with the decisions per person that it concerns; rows concern one or, under "", nobody."""
        for truth in self._records:
            people = truth.subjects or (() if truth.identity.store in ITEM_STORES else ("",))
            yield truth, {each: self._decide(truth, each, as_of, today or as_of) for each in people}

    def expected_rows(self, as_of: dt.date = AS_OF, today: dt.date | None = None) -> Expected:
        """What must be deleted, anonymised, redacted and kept by a run for ``as_of`` on the day ``today``.

        A run for the past acts only on what was due then and still is.
        """
        now = today or as_of
        deleted: set[Identity] = set()
        anonymised: dict[Identity, frozenset[str]] = {}
        redacted: dict[Identity, frozenset[str]] = {}
        kept: set[Identity] = set()
        blocked: set[Identity] = set()
        current = self.decisions(min(now, as_of), now)
        later = self.decisions(now, now) if as_of < now else None
        for truth, then in current:
            both = [then, next(later)[1]] if later else [then]
            due = {person: _due_in_all([each[person] for each in both]) for person in then}
            complete = {person: set(due[person]) == set(then[person]) and bool(due[person]) for person in then}
            identity = truth.identity
            if identity.store in ITEM_STORES:
                gone = frozenset(person for person, whole in complete.items() if whole)
                if gone and len(gone) == len(then):
                    deleted.add(identity)
                elif gone:
                    redacted[identity] = gone
                else:
                    kept.add(identity)
                continue
            (person,) = then
            strict = all(action is EndAction.DELETE for action in due[person].values())
            if complete[person] and strict and identity not in blocked:
                deleted.add(identity)
                continue
            if truth.parent:
                blocked.add(truth.parent)
            if due[person]:
                anonymised[identity] = frozenset(due[person])
            else:
                kept.add(identity)
        return Expected(frozenset(deleted), anonymised, redacted, frozenset(kept))

    @cached_property
    def _alike(self) -> Mapping[tuple[str, str], Mapping[str, str]]:
        """Per dataset each category's stand-in: categories that the same purposes keep are decided alike, and once."""
        found = {}
        for dataset, categories in self.categories.items():
            first: dict[object, str] = {}
            found[dataset] = {
                each: first.setdefault((self.policy.purposes_for(each), self._never_held(each)), each)
                for each in sorted(categories)
            }
        return found

    def _never_held(self, category: str) -> bool:
        return self.policy.covers(self.policy.never_held, category)

    def _decide(self, truth: Truth, person: str, as_of: dt.date, today: dt.date) -> Decisions:
        dataset = (truth.identity.store, truth.identity.dataset)
        question = (dataset, person, truth.happenings, tuple(truth.values.items()), as_of, today)
        if question not in self._known:
            # what happens to a person and what happens to a record are different events in this estate
            events = self._life(person, as_of, today) | self._observe(truth.happenings, as_of, today)
            alike = self._alike[dataset]
            holds = self._holds.get(person, ())
            answers = decide(set(alike.values()), Facts(events, truth.values), self.policy, holds=holds, as_of=as_of)
            self._known[question] = {category: answers[stand_in] for category, stand_in in alike.items()}
        return self._known[question]

    def _life(self, person: str, as_of: dt.date, today: dt.date) -> dict[str, Event]:
        """The events of a person's life, as they are seen on ``today`` for ``as_of``."""
        key = (person, as_of, today)
        if key not in self._seen:
            self._seen[key] = self._observe(self._lives.get(person, ()), as_of, today)
        return self._seen[key]

    def _observe(self, happenings: tuple[Happening, ...], as_of: dt.date, today: dt.date) -> dict[str, Event]:
        strong: dict[str, list[Event]] = defaultdict(list)
        weak: dict[str, list[Event]] = defaultdict(list)
        for each in happenings:
            seen = self._see(each, as_of, today)
            (weak if each.weak else strong)[each.event].append(seen)
        found = {event: latest(states) for event, states in strong.items()}
        for event, states in weak.items():
            sure, doubtful = found.get(event, Absent()), latest(states)
            if latest((sure, doubtful)) != sure:
                found[event] = Missing()  # the doubtful one would prolong
        return found

    def _see(self, each: Happening, as_of: dt.date, today: dt.date) -> Event:
        """One occurrence as it is seen on ``today`` for ``as_of``."""
        if each.open:
            return Open()
        if each.day is None:
            return Missing()
        if self.policy.events[each.event] is EventKind.END:
            return Open() if each.day > as_of else Known(each.day)
        if each.day > today:
            return Missing()
        if each.day > as_of:
            return Missing() if each.overwritten else Absent()
        return Known(each.day)


def _due_in_all(decisions: list[Decisions]) -> dict[str, EndAction]:
    """The categories that every one of the decisions finds due, with the action of the last."""
    due = [{category: each.action for category, each in one.items() if isinstance(each, Due)} for one in decisions]
    return {category: action for category, action in due[-1].items() if all(category in one for one in due)}
