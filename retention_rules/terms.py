"""Named terms: periods that a client's contract gives, else a tenant, else the policy.

A purpose says `for: service`; who gives `service` its figure is looked up contract → tenant → policy. The look-up is
lowered into the branches of the purpose when the policy is loaded: one branch per distinct period, under a condition
over two facts that every dataset supplies, the `tenant` and the `contract`. So what decides on one record and what is
compiled for millions needs to know nothing of terms.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from retention_rules.conditions import Among, And, Condition, Named, Or
from retention_rules.periods import Period
from retention_rules.problems import Problem, suggestion
from retention_rules.purposes import Branch

TENANT = "tenant"
CONTRACT = "contract"
LOOKED_UP_BY = (TENANT, CONTRACT)
"""The facts, of type text, that tell which figure applies to a record."""

LONGEST = Period(years=150)
"""Stands where no figure is known: such a branch never applies, and must not seem short to anyone."""

_STARTS = tuple(dt.date(2096, 1, 1) + dt.timedelta(days=number) for number in range(1827))
"""Five years of days: 2096 has a 29 February, 2100 has none."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term as a policy declares it.

    ``default`` is the policy's own figure, ``within`` the shortest and the longest figure that anyone may give.
    """

    name: str
    default: Period | None = None
    within: tuple[Period, Period] | None = None
    means: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A term's period as a tenant or a contract gives it, and where that is written."""

    period: Period
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class TenantTerms:
    """What one tenant gives: its own figures by term, those of its contracts by contract and term, and the source."""

    tenant: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    contracts: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    source: str = ""
    file: str = ""

    def gives(self, term: str) -> bool:
        """Whether the tenant or one of its contracts has a figure for a term."""
        return term in self.figures or any(term in figures for figures in self.contracts.values())

    def every(self) -> Iterator[tuple[str, Figure]]:
        """Each figure with its term."""
        for figures in (self.figures, *self.contracts.values()):
            yield from figures.items()


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is given for one controller; ``tenants`` names those who have data, and so need figures."""

    given: tuple[TenantTerms, ...] = ()
    tenants: frozenset[str] = frozenset()


def lowered(term: Term, figures: Figures | None, when: Condition | None) -> list[Branch]:
    """The branches of a term, the contracts' first; ``None`` leaves every figure but the policy's own open.

    Where nothing gives a figure, the last branch waits for it: what would need it is undetermined, never due.
    """
    given = figures.given if figures else ()
    found = [*_of_contracts(term.name, given), *_of_tenants(term.name, given)]
    branches = [Branch(period, _both(when, condition), term.name) for period, condition in found]
    if term.default is not None:
        return [*branches, Branch(term.default, when, term.name)]
    return [*branches, Branch(LONGEST, _both(when, Named(f"figure of {term.name}")), term.name)]


def problems_of(terms: Mapping[str, Term], figures: Figures) -> Iterator[Problem]:
    """What is wrong with the figures of tenants and contracts, each at its line: unknown terms, broken bounds."""
    for tenant in figures.given:
        for name, figure in tenant.every():
            if name not in terms:
                remedy = suggestion(name, terms, "Name a term of the policy, or declare it there under `terms`")
                yield Problem(figure.file, figure.line, f"the policy has no term `{name}`", remedy)
            elif complaint := out_of_bounds(terms[name], figure.period):
                yield Problem(figure.file, figure.line, complaint, "Give a figure within the bounds")


def unanswered(term: Term, figures: Figures) -> list[str]:
    """Who has no figure for a term: names of tenants, or an empty name where there is no tenant to ask."""
    if term.default is not None:
        return []
    giving = {tenant.tenant for tenant in figures.given if tenant.gives(term.name)}
    if not figures.tenants:
        return [] if giving else [""]
    return sorted(figures.tenants - giving)


def out_of_bounds(term: Term, period: Period) -> str:
    """What is wrong with a figure for a term; empty when it is within the bounds, whatever day it is counted from."""
    if term.within is None:
        return ""
    shortest, longest = term.within
    if no_longer(shortest, period) and no_longer(period, longest):
        return ""
    return f"the term `{term.name}` is {period}, which is not within {shortest} and {longest}"


@functools.lru_cache(maxsize=512)
def no_longer(one: Period, other: Period) -> bool:
    """Whether a period ends no later than another from whatever day: 28 days and a month, but not 30 days and one."""
    if not (one.days or other.days):
        return one.years * 12 + one.months <= other.years * 12 + other.months
    return all(one.after(day) <= other.after(day) for day in _STARTS)


def _of_contracts(term: str, given: tuple[TenantTerms, ...]) -> Iterator[tuple[Period, Condition]]:
    by_period: dict[Period, list[Condition]] = {}
    for tenant in given:
        contracts: dict[Period, list[str]] = {}
        for contract, figures in sorted(tenant.contracts.items()):
            if term in figures:
                contracts.setdefault(figures[term].period, []).append(contract)
        for period, names in contracts.items():
            theirs = And((Among(TENANT, (tenant.tenant,)), Among(CONTRACT, tuple(names))))
            by_period.setdefault(period, []).append(theirs)
    for period, conditions in sorted(by_period.items()):
        yield period, conditions[0] if len(conditions) == 1 else Or(tuple(conditions))


def _of_tenants(term: str, given: tuple[TenantTerms, ...]) -> Iterator[tuple[Period, Condition]]:
    by_period: dict[Period, list[str]] = {}
    for tenant in given:
        if term in tenant.figures:
            by_period.setdefault(tenant.figures[term].period, []).append(tenant.tenant)
    for period, tenants in sorted(by_period.items()):
        yield period, Among(TENANT, tuple(sorted(tenants)))


def _both(one: Condition | None, other: Condition) -> Condition:
    return other if one is None else And((one, other))
