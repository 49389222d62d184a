"""Why `decide` says what it says of one record: each purpose with what it starts from, and how long it keeps.

Built of the same parts as the decision itself, so that the two cannot drift apart. Nothing of the record but days and
states is in an explanation.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from retention_rules.decide import Facts, Term, covering, decide, term_of, truth
from retention_rules.decisions import Decision
from retention_rules.events import Event
from retention_rules.holds import Hold
from retention_rules.policy import Policy
from retention_rules.purposes import Purpose


class Stand(enum.StrEnum):
    """How a purpose stands towards a record on the as-of date."""

    UNMATCHED = "does not match"
    KEEPS = "keeps"
    ENDED = "has ended"
    MISSING = "cannot be told"
    ENDED_BY_RIGHT = "ended by a request"


@dataclass(frozen=True, slots=True)
class Reason:
    """One purpose and one record.

    ``events`` are the states of what it starts from. ``applies`` is the truth of its `when`; ``None`` is unknown.
    ``last`` is the last day on which it keeps, ``None`` while it is open or when there is none; ``missing`` is what one
    would have to know.
    """

    purpose: Purpose
    stand: Stand
    events: tuple[tuple[str, Event], ...]
    applies: bool | None
    last: dt.date | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision on one category, the purposes that could keep it, and the cases whose holds cover it."""

    category: str
    decision: Decision
    reasons: tuple[Reason, ...]
    cases: tuple[str, ...]


def explain(
    categories: Iterable[str],
    facts: Facts,
    policy: Policy,
    *,
    rights: Collection[str] = (),
    holds: Collection[Hold] = (),
    as_of: dt.date,
) -> dict[str, Explanation]:
    """What `decide` says of each category on the as-of date, and why; the arguments are the same."""
    wanted = tuple(categories)
    decisions = decide(wanted, facts, policy, rights=rights, holds=holds, as_of=as_of)
    reasons = {each.name: _reason(each, facts, policy, each.name in rights, as_of) for each in policy.purposes}
    return {
        category: Explanation(
            category,
            decisions[category],
            tuple(reasons[each.name] for each in policy.purposes_for(category)),
            tuple(
                sorted(
                    {
                        hold.case
                        for hold in covering(holds, category, policy, as_of)
                        if hold.until is None or as_of < hold.until
                    }
                )
            ),
        )
        for category in wanted
    }


def _reason(purpose: Purpose, facts: Facts, policy: Policy, ended: bool, as_of: dt.date) -> Reason:
    point = purpose.starting_point
    events = tuple((name, facts.event(name, point.choice)) for name in point.events)
    applies = True if purpose.when is None else truth(purpose.when, facts, policy)
    term = term_of(purpose, facts, policy, ended)
    if term is None:
        return Reason(purpose, Stand.UNMATCHED, events, applies)
    return Reason(purpose, _stand(term, as_of), events, applies, term.last, term.unknown(as_of))


def _stand(term: Term, as_of: dt.date) -> Stand:
    if term.ended:
        return Stand.ENDED_BY_RIGHT
    if term.unknown(as_of):
        return Stand.MISSING
    if term.lives(as_of):
        return Stand.KEEPS
    return Stand.ENDED_BY_RIGHT if term.cut else Stand.ENDED
