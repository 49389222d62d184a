"""Conditions over facts and events (`when`), in the three-valued logic of Kleene.

The syntax tree is public: `decide` evaluates it over one record, and the planner compiles the same tree to SQL.
A fact that is not known is *unknown*, never false: `not client` over an unknown client must not drop a purpose.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal


class State(enum.StrEnum):
    """What `EVENT is STATE` asks for."""

    KNOWN = "known"
    OPEN = "open"
    MISSING = "missing"
    ABSENT = "absent"


class Comparator(enum.StrEnum):
    """Comparisons of a numeric fact with a constant."""

    LT = "<"
    LE = "<="
    EQ = "="
    NE = "!="
    GE = ">="
    GT = ">"


@dataclass(frozen=True, slots=True)
class Named:
    """A fact by name: one that the policy defines by a condition, or a boolean that a dataset supplies."""

    name: str


@dataclass(frozen=True, slots=True)
class Is:
    """`EVENT is STATE`. Never unknown, since each event is in exactly one state."""

    event: str
    state: State


@dataclass(frozen=True, slots=True)
class Compare:
    """A numeric fact against a constant, as in `amount >= 120`. Unknown when the fact is."""

    fact: str
    comparator: Comparator
    value: Decimal


@dataclass(frozen=True, slots=True)
class Not:
    """Negation; unknown stays unknown."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """True when all are, false when one is, else unknown."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is, false when all are, else unknown."""

    conditions: tuple[Condition, ...]


Condition = Named | Is | Compare | Not | And | Or
