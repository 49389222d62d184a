"""What the types cannot rule out in a policy, by itself and against what an estate holds."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from retention_rules.conditions import describe, events_in, leaves
from retention_rules.policy import Policy
from retention_rules.problems import Problem
from retention_rules.purposes import Basis, Branch, Purpose

CONSENT_PROOF = "consent.proof"
"""The category of the proof that a consent was given (GDPR Art. 7(1))."""


class Severity(enum.StrEnum):
    """An error refuses the policy; a warning is shown with the plan."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Remark:
    """What lint found: about which purpose (empty: the policy as a whole), what it is, and what to do.

    ``event``: the one that no dataset supplies, where that is what was found.
    """

    severity: Severity
    purpose: str
    what: str
    remedy: str
    event: str = ""


def lint(
    policy: Policy,
    *,
    held: Mapping[str, Collection[str]] | None = None,
    supplied: Collection[str] | None = None,
) -> tuple[Remark, ...]:
    """Every remark on a policy, errors first.

    Args:
        policy: what to look at.
        held: per dataset of an estate, the categories of its personal fields; ``None`` without an estate.
        supplied: the events that the estate's datasets supply; ``None`` without an estate.
    """
    remarks = [*_twins(policy), *_proof(policy)]
    if held is not None:
        categories = frozenset(itertools.chain.from_iterable(held.values()))
        remarks += [*_unkept(policy, held), *_too_wide(policy, categories)]
        remarks += _unsupplied(policy, categories, supplied) if supplied is not None else []
    return tuple(sorted(remarks, key=lambda remark: remark.severity is not Severity.ERROR))


def located(policy: Policy, remark: Remark) -> Problem:
    """A remark at the file and line of its purpose; of the policy as a whole, at its name alone."""
    for purpose in policy.purposes:
        if purpose.name == remark.purpose:
            return Problem(purpose.file, purpose.line, remark.what, remark.remedy)
    return Problem(f"policy {policy.name}", 0, remark.what, remark.remedy)


def twins(purposes: Iterable[Purpose], groups: Mapping[str, frozenset[str]]) -> list[tuple[Purpose, Purpose]]:
    """The pairs of purposes with the same basis, categories, starting point and `when`."""
    first: dict[object, Purpose] = {}
    pairs = []
    for purpose in purposes:
        point = purpose.starting_point
        when = describe(purpose.when) if purpose.when else ""
        identity = (purpose.basis, expand(purpose.keeps, groups), frozenset(point.events), point.choice, when)
        if identity in first:
            pairs.append((first[identity], purpose))
        first.setdefault(identity, purpose)
    return pairs


def expand(keys: Iterable[str], groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Category keys with each group replaced by its members."""
    return frozenset(itertools.chain.from_iterable(groups.get(key, {key}) for key in keys))


def events_used(policy: Policy, purpose: Purpose) -> frozenset[str]:
    """The events that a purpose needs: its starting point's, and those in its conditions and the facts behind them.

    Not what it is `ended_by`: where no dataset supplies that, requests are recorded with the engine.
    """
    conditions = [purpose.when, *(branch.when for branch in purpose.periods)]
    found = set(purpose.starting_point.events)
    waiting = [condition for condition in conditions if condition]
    while waiting:
        condition = waiting.pop()
        found |= events_in(condition)
        names = (getattr(leaf, "name", "") for leaf in leaves(condition))
        waiting += [policy.facts[name] for name in names if name in policy.facts]
    return frozenset(found)


def _twins(policy: Policy) -> list[Remark]:
    return [
        Remark(
            Severity.ERROR,
            second.name,
            f"`{second.name}` and `{first.name}` have the same basis, categories, starting point and `when`",
            "Keep the one with the right period, or say in `when` or `keeps` how they differ",
        )
        for first, second in twins(policy.purposes, policy.groups)
    ]


def _unkept(policy: Policy, held: Mapping[str, Collection[str]]) -> list[Remark]:
    datasets: dict[str, list[str]] = {}
    for dataset, categories in held.items():
        for category in categories:
            if not policy.purposes_for(category):
                datasets.setdefault(category, []).append(dataset)
    return [
        Remark(
            Severity.ERROR,
            "",
            f"no purpose keeps `{category}`, which is held in {', '.join(sorted(names))}",
            "Add it to the `keeps` of the purpose that it serves; what serves none should not be collected",
        )
        for category, names in sorted(datasets.items())
    ]


def _unsupplied(policy: Policy, categories: Collection[str], supplied: Collection[str]) -> list[Remark]:
    """Only of purposes that keep something here: an included pack may know more than an estate has."""
    users: dict[str, list[str]] = {}
    for purpose in policy.purposes:
        if any(policy.covers(purpose.keeps, category) for category in categories):
            for event in events_used(policy, purpose) - set(supplied):
                users.setdefault(event, []).append(purpose.name)
    return [
        Remark(
            Severity.ERROR,
            names[0],
            f"no dataset supplies the event `{event}`, which {', '.join(names)} need{'s' * (len(names) == 1)}",
            "Bind it to a column, a mailbox or a calendar in the data map, or replace the purpose",
            event,
        )
        for event, names in sorted(users.items())
    ]


def _too_wide(policy: Policy, categories: Collection[str]) -> list[Remark]:
    remarks = []
    for purpose in policy.purposes:
        keys = expand(purpose.keeps, policy.groups)
        idle = sorted(key for key in keys if not any(policy.covers(frozenset({key}), each) for each in categories))
        if idle:
            what = f"`{purpose.name}` keeps {', '.join(idle)}, which no dataset holds"
            remarks.append(Remark(Severity.WARNING, purpose.name, what, "Narrow its `keeps`, or complete the data map"))
    return remarks


def _proof(policy: Policy) -> list[Remark]:
    """Consent must be shown for as long as it is relied on (GDPR Art. 7(1), R15)."""
    proofs = policy.purposes_for(CONSENT_PROOF)
    return [
        Remark(
            Severity.WARNING,
            purpose.name,
            f"the proof of consent may lapse before `{purpose.name}`, which relies on it",
            f"Let a purpose keep `{CONSENT_PROOF}` after the latest of the same events, for at least as long",
        )
        for purpose in policy.purposes
        if purpose.basis is Basis.CONSENT and not any(_outlasts(proof, purpose) for proof in proofs)
    ]


def _outlasts(proof: Purpose, consent: Purpose) -> bool:
    """Whether one purpose surely lives as long as another: no narrower, from the same events or more, no shorter."""
    if proof == consent:
        return True
    if proof.when is not None and proof.when != consent.when:
        return False
    one, other = proof.starting_point, consent.starting_point
    same = one == other
    later = one.choice == "latest" and set(one.events) >= set(other.events)
    return (same or later) and _shortest(proof.periods) >= _longest(consent.periods)


def _days(branch: Branch) -> float:
    return branch.period.years * 365.25 + branch.period.months * 30.44 + branch.period.days


def _shortest(branches: tuple[Branch, ...]) -> float:
    return min(map(_days, branches), default=0)


def _longest(branches: tuple[Branch, ...]) -> float:
    return max(map(_days, branches), default=0)
