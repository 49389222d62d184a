"""A policy as a table that a lawyer can read: what is kept, why, from when, for how long, and what happens then."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from retention_rules.conditions import Among, And, Condition, Or, describe, leaves
from retention_rules.periods import Period
from retention_rules.policy import Policy
from retention_rules.purposes import Basis, Branch, Choice, EndAction, Purpose, StartingPoint
from retention_rules.terms import CONTRACT, LONGEST, TENANT, Term


class Language(enum.StrEnum):
    """The languages in which a policy is explained; names and sources stay as they are written."""

    ENGLISH = "en"
    FRENCH = "fr"


@dataclass(frozen=True, slots=True)
class Line:
    """What one purpose says of categories or groups; those that the same purposes keep stand together."""

    category: str
    purpose: str
    basis: str
    starting_point: str
    period: str
    condition: str
    end_action: str
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The table, and what its words stand for: pairs of a name and its meaning."""

    policy: str
    controller: str
    time_zone: str
    lines: tuple[Line, ...]
    groups: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    terms: tuple[tuple[str, str], ...]
    never_held: tuple[str, ...]


def explain(policy: Policy, language: Language = Language.ENGLISH) -> Explanation:
    """Explain a policy; the lines of a category stand together, in the order in which categories are first kept."""
    words = _WORDS[language]
    order = list(dict.fromkeys(key for purpose in policy.purposes for key in _keys(policy, purpose)))
    together: dict[tuple[str, ...], list[str]] = {}
    for key in order:
        together.setdefault(tuple(each.name for each in policy.purposes if policy.covers(each.keeps, key)), []).append(
            key
        )
    by_name = {purpose.name: purpose for purpose in policy.purposes}
    lines = [_line(", ".join(keys), by_name[name], policy, words) for names, keys in together.items() for name in names]
    return Explanation(
        policy=policy.name,
        controller=policy.controller,
        time_zone=policy.time_zone.key,
        lines=tuple(lines),
        groups=tuple((name, ", ".join(sorted(policy.groups[name]))) for name in order if name in policy.groups),
        facts=tuple((name, describe(condition)) for name, condition in policy.facts.items()),
        terms=tuple((name, _term(term, words)) for name, term in policy.terms.items()),
        never_held=tuple(sorted(policy.never_held)),
    )


def _line(category: str, purpose: Purpose, policy: Policy, words: dict[str, str]) -> Line:
    return Line(
        category=category,
        purpose=purpose.name,
        basis=words[purpose.basis],
        starting_point=_starting_point(purpose.starting_point, words),
        period=_periods(purpose, policy, words),
        condition=describe(purpose.when) if purpose.when else "",
        end_action=words[purpose.end_action],
        source=purpose.source,
    )


def headings(language: Language) -> tuple[str, ...]:
    """The columns of the table, in the order of `Line`."""
    return _HEADINGS[language]


def titles(language: Language) -> tuple[str, str, str, str]:
    """What the groups, facts, terms and the categories that are never held are called."""
    return _TITLES[language]


def _keys(policy: Policy, purpose: Purpose) -> list[str]:
    """Groups first, as they are the broader ones."""
    return sorted(purpose.keeps, key=lambda key: (key not in policy.groups, key))


def _starting_point(point: StartingPoint, words: dict[str, str]) -> str:
    names = ", ".join(name.replace("_", " ") for name in point.events)
    return names if len(point.events) == 1 else words[point.choice].format(names)


def _periods(purpose: Purpose, policy: Policy, words: dict[str, str]) -> str:
    said = "; ".join(_branch(branch, policy, words) for branch in purpose.periods) or words["none"]
    if purpose.ended_by:
        said += words["ended_by"].format(purpose.ended_by.replace("_", " "))
    return said


def _branch(branch: Branch, policy: Policy, words: dict[str, str]) -> str:
    if branch.term and branch.period == LONGEST and policy.terms[branch.term].default is None:
        text = words["open"].format(branch.term)
        bounds = _bounds(policy.terms[branch.term], words)
        return f"{text} ({bounds})" if bounds else text
    text = period_in(branch.period, words)
    if branch.when is None:
        return text if not branch.term else f"{text} ({branch.term})"
    return f"{text} {words['if']} {_who(branch.when, words)}"


def _who(condition: Condition, words: dict[str, str]) -> str:
    """A condition; that of a term's figure names the tenants and contracts."""
    match condition:
        case Or(several):
            return f" {words['or']} ".join(_who(each, words) for each in several)
        case And((Among("tenant", tenants), Among("contract", contracts))):
            return words["under"].format(", ".join(contracts), ", ".join(tenants))
        case And((one, other)) if any(_looks_up(leaf) for leaf in leaves(other)):
            return f"{describe(one)}, {_who(other, words)}"
        case Among("tenant", tenants):
            return ", ".join(tenants)
        case _:
            return describe(condition)


def _looks_up(leaf: object) -> bool:
    return isinstance(leaf, Among) and leaf.fact in {TENANT, CONTRACT}


def _term(term: Term, words: dict[str, str]) -> str:
    said = [term.means, _bounds(term, words)]
    if term.default is not None:
        said.append(words["default"].format(period_in(term.default, words)))
    return "; ".join(each for each in said if each)


def _bounds(term: Term, words: dict[str, str]) -> str:
    if term.within is None:
        return ""
    return words["within"].format(*(period_in(each, words) for each in term.within))


def period_in(period: Period, words: dict[str, str]) -> str:
    """A period in words: "1 year and 6 months"."""
    counts = ((period.years, "year"), (period.months, "month"), (period.days, "day"))
    parts = [f"{count} {words[unit if count == 1 else f'{unit}s']}" for count, unit in counts if count]
    return f" {words['and']} ".join(parts)


_ENGLISH: dict[str, str] = {
    **{basis: basis.replace("_", " ") for basis in Basis},
    EndAction.ANONYMISE: "anonymised",
    EndAction.DELETE: "deleted",
    Choice.LATEST: "the latest of {}",
    Choice.EARLIEST: "the earliest of {}",
    "none": "no longer than that",
    "open": "as `{}` says: the contract, else the tenant",
    "within": "between {} and {}",
    "default": "{} unless said otherwise",
    "under": "contract {} of {}",
    "ended_by": ", or until: {}",
    "if": "if",
    "or": "or",
    "and": "and",
    **{word: word for unit in ("year", "month", "day") for word in (unit, f"{unit}s")},
}
_FRENCH: dict[str, str] = {
    Basis.CONSENT: "consentement",
    Basis.CONTRACT: "contrat",
    Basis.LAW: "obligation légale",
    Basis.LEGAL_CLAIM: "défense de droits en justice",
    Basis.LEGITIMATE_INTEREST: "intérêt légitime",
    Basis.PUBLIC_TASK: "mission d\N{RIGHT SINGLE QUOTATION MARK}intérêt public",
    Basis.VITAL_INTEREST: "intérêts vitaux",
    EndAction.ANONYMISE: "anonymisé",
    EndAction.DELETE: "supprimé",
    Choice.LATEST: "le plus tardif de {}",
    Choice.EARLIEST: "le plus précoce de {}",
    "none": "pas au-delà",
    "open": "selon `{}`\N{NO-BREAK SPACE}: le contrat, sinon le client",
    "within": "entre {} et {}",
    "default": "{} sauf indication contraire",
    "under": "contrat {} de {}",
    "ended_by": ", ou jusqu\N{RIGHT SINGLE QUOTATION MARK}à\N{NO-BREAK SPACE}: {}",
    "if": "si",
    "or": "ou",
    "and": "et",
    "year": "an",
    "years": "ans",
    "month": "mois",
    "months": "mois",
    "day": "jour",
    "days": "jours",
}
_WORDS = {Language.ENGLISH: _ENGLISH, Language.FRENCH: _FRENCH}
_HEADINGS: dict[Language, tuple[str, ...]] = {
    Language.ENGLISH: ("category", "purpose", "basis", "starting point", "period", "only if", "then", "source"),
    Language.FRENCH: (
        "catégorie", "finalité", "base légale", "point de départ", "durée", "seulement si", "puis", "source",
    ),
}  # fmt: skip
_TITLES = {
    Language.ENGLISH: ("Groups", "Facts", "Terms", "Never held"),
    Language.FRENCH: ("Groupes", "Faits", "Termes", "Jamais conservé"),
}


def cells(lines: Iterable[Line]) -> list[tuple[str, ...]]:
    """The rows of the table; a category is named on its first line only."""
    rows: list[tuple[str, ...]] = []
    before = ""
    for line in lines:
        category = "" if line.category == before else line.category
        before = line.category
        rows.append((
            category, line.purpose, line.basis, line.starting_point, line.period, line.condition, line.end_action,
            line.source,
        ))  # fmt: skip
    return rows
