"""The reference: what is to become of each category of one record, on one day, and why.

A pure function over facts. What runs over millions of rows is a compilation of the same purposes to set operations,
which tests hold equal to this.

Points that the rule language leaves open, and how they are read here:

- A purpose whose starting point is absent does not match, whatever its `when`. One whose `when` is unknown is missing,
  even if its period would be over: whether it matched decides the end action. An open starting point lives whatever
  its period is; otherwise a period whose condition is unknown makes the purpose missing.
- `EVENT is STATE` looks at the latest of several occurrences; a starting point combines them as it says itself.
- A purpose that a right has ended keeps nothing, known or missing, but it did match: its end action counts, also where
  its `when` or its event is unknown. Where nothing else matched, the category is due from the as-of date.
- What a purpose is `ended_by` counts from the first day on which it is known to have happened, as if the purpose's last
  day were the one before. Whether it happened matters only while the purpose would keep: then, not knowing it makes the
  purpose missing.
- A hold is in force from its first day through the day before its release. Its release defers what is due only if it
  began before; a hold that begins after the as-of date is invisible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import assert_never

from retention_rules.conditions import Among, Compare, Condition, Is, Named, Truth, evaluate, leaves
from retention_rules.decisions import Archive, Decision, Due, Held, Keep, Undetermined
from retention_rules.events import Absent, Event, Known, Missing, Open, earliest, ending, latest
from retention_rules.holds import Hold
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Choice, EndAction, Purpose

_DAY = dt.timedelta(days=1)
_COMBINE = {Choice.LATEST: latest, Choice.EARLIEST: earliest}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one record on the as-of date.

    ``events`` gives each event's state, or the states of its several occurrences; one that is not named is absent.
    ``values`` gives the supplied facts; one that is not named, or ``None``, is unknown.
    """

    events: Mapping[str, Event | Sequence[Event]] = field(default_factory=dict)
    values: Mapping[str, bool | Decimal | str | None] = field(default_factory=dict)

    def event(self, name: str, choice: Choice = Choice.LATEST) -> Event:
        """The state of an event, its occurrences combined."""
        return _COMBINE[choice](self._occurrences(name))

    def ending(self, name: str) -> Event:
        """The state of an event that ends a purpose."""
        return ending(self._occurrences(name))

    def _occurrences(self, name: str) -> Sequence[Event]:
        found = self.events.get(name, Absent())
        return (found,) if isinstance(found, Event) else found


def decide(
    categories: Iterable[str],
    facts: Facts,
    policy: Policy,
    *,
    rights: Collection[str] = (),
    holds: Collection[Hold] = (),
    as_of: dt.date,
) -> dict[str, Decision]:
    """What is to become of each category (or group of the policy) on the as-of date.

    Args:
        categories: the categories of the record's fields.
        facts: its events and facts, as observed for ``as_of``.
        policy: the controller's purposes.
        rights: the names of the purposes that a person's request has ended.
        holds: the legal holds over the record.
        as_of: the date for which is decided.
    """
    terms = {purpose.name: term_of(purpose, facts, policy, purpose.name in rights) for purpose in policy.purposes}
    return {
        category: _decision(
            [term for purpose in policy.purposes_for(category) if (term := terms[purpose.name])],
            covering(holds, category, policy, as_of),
            as_of,
        )
        for category in categories
    }


def truth(condition: Condition, facts: Facts, policy: Policy) -> Truth:
    """The truth of a condition over a record: the policy's facts are worked out, the supplied ones looked up."""

    def fact(name: str) -> Truth:
        if name in policy.facts:
            return truth(policy.facts[name], facts, policy)
        value = facts.values.get(name)
        return value if isinstance(value, bool) else None

    def number(name: str) -> Decimal | None:
        value = facts.values.get(name)
        return None if isinstance(value, bool | str) else value

    def text(name: str) -> str | None:
        value = facts.values.get(name)
        return value if isinstance(value, str) else None

    return evaluate(condition, event=facts.event, fact=fact, number=number, text=text)


@dataclass(frozen=True, slots=True)
class Term:
    """A purpose that matched, or may have, and how long it keeps: through ``last``, or while ``open``.

    What is ``missing`` matters only as long as it may keep. ``cut``: a request has ended it before its own last day.
    """

    purpose: Purpose
    last: dt.date | None = None
    open: bool = False
    ended: bool = False
    missing: tuple[str, ...] = ()
    cut: bool = False

    def lives(self, as_of: dt.date) -> bool:
        """Whether it keeps on this day, as far as is known."""
        return not self.missing and self._keeps(as_of)

    def unknown(self, as_of: dt.date) -> tuple[str, ...]:
        """What one would have to know to tell whether it keeps on this day."""
        return self.missing if self.last is None or self._keeps(as_of) else ()

    def _keeps(self, as_of: dt.date) -> bool:
        return self.open or (self.last is not None and as_of <= self.last)

    @property
    def archives(self) -> bool:
        """Whether it keeps in the archive only."""
        return self.purpose.basis.archives


def term_of(purpose: Purpose, facts: Facts, policy: Policy, ended: bool) -> Term | None:
    """How long a purpose keeps; ``None`` if it did not match."""
    term = _term(purpose, facts, policy, ended)
    if term is None or ended or not purpose.ended_by:
        return term
    match facts.ending(purpose.ended_by):
        case Known(day):
            before = _day_before(day)
            if term.last is not None and term.last <= before:
                return term
            return replace(term, last=before, open=False, cut=True)
        case Missing():
            return replace(term, missing=term.missing or (purpose.ended_by,))
        case Open() | Absent():
            return term
        case _ as never:
            assert_never(never)


def _term(  # noqa: PLR0911 - one for each way to match
    purpose: Purpose, facts: Facts, policy: Policy, ended: bool
) -> Term | None:
    """The same, if no event had ended it."""
    point = purpose.starting_point
    start = _COMBINE[point.choice](facts.event(name, point.choice) for name in point.events)
    applies = True if purpose.when is None else truth(purpose.when, facts, policy)
    if isinstance(start, Absent) or applies is False:
        return None
    if ended:
        return Term(purpose, ended=True)
    if applies is None and purpose.when is not None:
        return Term(purpose, missing=_unknown(purpose.when, facts, policy))
    match start:
        case Missing():
            gone = [name for name in point.events if isinstance(facts.event(name, point.choice), Missing)]
            return Term(purpose, missing=tuple(gone))
        case Open():
            return Term(purpose, open=True)
        case Known(day) if not purpose.periods:
            return Term(purpose, last=_day_before(day))
        case Known(day):
            period = _period(purpose, facts, policy)
            if isinstance(period, Period):
                return Term(purpose, last=period.after(day))
            return Term(purpose, missing=period)
        case _ as never:
            assert_never(never)


def _day_before(day: dt.date) -> dt.date:
    return day - min(_DAY, day - dt.date.min)


def _period(purpose: Purpose, facts: Facts, policy: Policy) -> Period | tuple[str, ...]:
    """The period of the first branch that holds, or what is not known to tell."""
    for branch in purpose.periods:
        holds = True if branch.when is None else truth(branch.when, facts, policy)
        if holds:
            return branch.period
        if holds is None and branch.when is not None:
            return _unknown(branch.when, facts, policy)
    return (purpose.name,)  # no branch holds: a policy that was loaded always ends with one that does


def _unknown(condition: Condition, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """The supplied facts that an unknown condition waits for."""
    names: list[str] = []
    for leaf in leaves(condition):
        match leaf:
            case Named(name) if name in policy.facts:
                names += _unknown(policy.facts[name], facts, policy)
            case Named(name) | Compare(name) | Among(name):
                names += [name] if truth(leaf, facts, policy) is None else []
            case Is():
                pass
            case _ as never:
                assert_never(never)
    return tuple(dict.fromkeys(names))


def _decision(terms: Sequence[Term], holds: Sequence[Hold], as_of: dt.date) -> Decision:
    """Model.md's order of precedence."""
    kept = [term for term in terms if not term.ended]
    active = [term for term in kept if not term.archives]
    living = [term for term in active if term.lives(as_of)]
    missing = tuple(dict.fromkeys(name for term in kept for name in term.unknown(as_of)))
    if living:
        return Keep(_until(living), _names(living))
    if any(term.unknown(as_of) for term in active) or not terms:
        return Undetermined(missing)
    claims = [term for term in kept if term.archives]
    living = [term for term in claims if term.lives(as_of)]
    if living:
        unknown = any(term.unknown(as_of) for term in claims)
        return Archive(_free(active), None if unknown else _until(living), _names(living))
    if missing:
        return Undetermined(missing)
    return _end(terms, holds, as_of)


def _end(terms: Sequence[Term], holds: Sequence[Hold], as_of: dt.date) -> Decision:
    """Nothing keeps the category: due, unless a hold is in force."""
    since = _free(terms) or as_of
    cases = [hold for hold in holds if hold.until is None or as_of < hold.until]
    if cases:
        alone = max(since, min(hold.since for hold in cases))
        return Held(alone, tuple(sorted({hold.case for hold in cases})))
    last = [term for term in terms if term.last == since - _DAY] or [term for term in terms if term.ended]
    released = max([since, *(hold.until for hold in holds if hold.until)])
    strictest = max((term.purpose.end_action for term in terms), key=list(EndAction).index)
    return Due(released, _names(last), strictest)


def _free(terms: Iterable[Term]) -> dt.date | None:
    """The first day on which none of these purposes kept any more; ``None`` if none of them had a last day."""
    days = [term.last for term in terms if term.last is not None]
    return max(days) + _DAY if days else None


def _until(living: Sequence[Term]) -> dt.date | None:
    """The last day on which one of these keeps; ``None`` while one is open."""
    days = [term.last for term in living if term.last is not None]
    return max(days) if len(days) == len(living) else None


def _names(terms: Iterable[Term]) -> tuple[str, ...]:
    return tuple(term.purpose.name for term in terms)


def covering(holds: Iterable[Hold], category: str, policy: Policy, as_of: dt.date) -> list[Hold]:
    """The holds, in force or released, that the category is or was under on the as-of date."""
    if policy.covers(policy.never_held, category):
        return []
    return [
        hold
        for hold in holds
        if hold.since <= as_of
        and (hold.until is None or hold.since < hold.until)
        and (not hold.categories or policy.covers(hold.categories, category))
    ]
