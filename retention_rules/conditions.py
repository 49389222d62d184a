"""Conditions over facts and events (`when`), in the three-valued logic of Kleene.

The syntax tree is public: `decide` evaluates it over one record, and the planner compiles the same tree to SQL.
A fact that is not known is *unknown*, never false: `not client` over an unknown client must not drop a purpose.

The notation, loosest first: `A or B`, `A and B`, `not A`, and then one of `(A)`, `EVENT is [not] STATE`,
`FACT >= 120` (also `>`, `<`, `<=`, `=`, `!=`, with `€` allowed after the number), `FACT = "text"` (also `!=`),
`FACT in ("one", "another")` and a bare fact name.
"""

from __future__ import annotations

import enum
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from retention_rules.events import Absent, Event, Known, Missing, Open


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
class Among:
    """A textual fact that is one of several texts, exactly as written. Unknown when the fact is."""

    fact: str
    values: tuple[str, ...]


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


Condition = Named | Is | Compare | Among | Not | And | Or

Truth = bool | None
"""True, false, or unknown (``None``)."""

_STATES: Mapping[State, type[Event]] = {
    State.KNOWN: Known,
    State.OPEN: Open,
    State.MISSING: Missing,
    State.ABSENT: Absent,
}

_COMPARISONS: Mapping[Comparator, Callable[[Decimal, Decimal], bool]] = {
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.GE: operator.ge,
    Comparator.GT: operator.gt,
}


def evaluate(  # noqa: PLR0911 - one for each kind of condition
    condition: Condition,
    *,
    event: Callable[[str], Event],
    fact: Callable[[str], Truth],
    number: Callable[[str], Decimal | None],
    text: Callable[[str], str | None],
) -> Truth:
    """The truth of a condition over one record, given how to look its events and its three kinds of facts up."""
    match condition:
        case Named(name):
            return fact(name)
        case Is(name, state):
            return isinstance(event(name), _STATES[state])
        case Compare(name, comparator, value):
            known = number(name)
            return None if known is None else _COMPARISONS[comparator](known, value)
        case Among(name, values):
            found = text(name)
            return None if found is None else found in values
        case Not(inner):
            truth = evaluate(inner, event=event, fact=fact, number=number, text=text)
            return None if truth is None else not truth
        case And(inner):
            return _all([evaluate(each, event=event, fact=fact, number=number, text=text) for each in inner])
        case Or(inner):
            return _any([evaluate(each, event=event, fact=fact, number=number, text=text) for each in inner])
        case _ as never:
            assert_never(never)


def _all(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _any(truths: list[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def leaves(condition: Condition) -> Iterator[Named | Is | Compare | Among]:
    """The facts, event states and comparisons that a condition is made of, from left to right."""
    match condition:
        case Not(inner):
            yield from leaves(inner)
        case And(several) | Or(several):
            for each in several:
                yield from leaves(each)
        case Named() | Is() | Compare() | Among():
            yield condition
        case _ as never:
            assert_never(never)


def events_in(condition: Condition) -> frozenset[str]:
    """The names of the events whose state a condition asks for."""
    return frozenset(leaf.event for leaf in leaves(condition) if isinstance(leaf, Is))


def facts_in(condition: Condition) -> frozenset[str]:
    """The names of the facts that a condition uses, bare or compared."""
    found = {leaf.name for leaf in leaves(condition) if isinstance(leaf, Named)}
    return frozenset(found | {leaf.fact for leaf in leaves(condition) if isinstance(leaf, Compare | Among)})


def describe(condition: Condition) -> str:  # noqa: PLR0911 - one for each kind of condition
    """The condition in its own notation: `parse` reads it back."""
    match condition:
        case Named(name):
            return name
        case Is(name, state):
            return f"{name} is {state}"
        case Compare(name, comparator, value):
            return f"{name} {comparator} {value.normalize():f}"
        case Among(name, (only,)):
            return f"{name} = {_quoted(only)}"
        case Among(name, values):
            return f"{name} in ({', '.join(map(_quoted, values))})"
        case Not(Is(name, state)):
            return f"{name} is not {state}"
        case Not(inner):
            return f"not {_bracketed(inner)}"
        case And(several):
            return " and ".join(_bracketed(each) for each in several)
        case Or(several):
            return " or ".join(_bracketed(each) for each in several)
        case _ as never:
            assert_never(never)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _bracketed(condition: Condition) -> str:
    return f"({describe(condition)})" if isinstance(condition, And | Or) else describe(condition)


class ConditionInvalid(ValueError):
    """A text that is no condition; ``position`` is the character, from 0, where reading stopped."""

    def __init__(self, what: str, text: str, position: int) -> None:
        self.position = position
        super().__init__(f"{what}, at character {position + 1} of `{text}`")


def parse(text: str) -> Condition:
    """Read a condition in the notation of the module.

    Raises:
        ConditionInvalid: with what was expected instead, and where.
    """
    return _Parser(text).parse()


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>-?\d+(?:\.\d+)?)\s*(?:€|EUR\b)?
  | (?P<text>"(?:[^"\\]|\\.)*")
  | (?P<comparator><=|>=|!=|==|[<>=≤≥≠])
  | (?P<bracket>[(),])
  | (?P<end>$)
  | (?P<other>\S)
)""",
    re.VERBOSE,
)
_SPELLINGS = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!="}
_WORDS = frozenset({"and", "or", "not", "is", "in"})
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            _Token(match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0))
            for match in _TOKEN.finditer(text)
        ]
        self._at = 0
        self._depth = 0

    def parse(self) -> Condition:
        condition = self._or()
        if self._now.kind != "end":
            raise self._error("`and` or `or` expected")
        return condition

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._now
        self._at += token.kind != "end"
        return token

    def _took(self, word: str) -> bool:
        found = self._now.text == word
        self._at += found
        return found

    def _error(self, what: str) -> ConditionInvalid:
        found = f"found `{self._now.text}`" if self._now.text else "the condition ends"
        return ConditionInvalid(f"{what}, but {found}", self._text, self._now.position)

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._took("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Condition:
        parts = [self._not()]
        while self._took("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("simpler condition expected: name its parts as facts")
        condition = Not(self._not()) if self._took("not") else self._primary()
        self._depth -= 1
        return condition

    def _primary(self) -> Condition:
        if self._took("("):
            condition = self._or()
            if not self._took(")"):
                raise self._error("`)` expected")
            return condition
        if self._now.kind != "name" or self._now.text in _WORDS:
            raise self._error("name of a fact or event expected")
        name = self._take().text
        if self._took("is"):
            return self._state(name)
        if self._took("in"):
            return self._list(name)
        if self._now.kind == "comparator":
            return self._comparison(name)
        return Named(name)

    def _state(self, event: str) -> Condition:
        negated = self._took("not")
        if self._now.text not in set(State):
            raise self._error(f"one of {', '.join(State)} expected")
        condition = Is(event, State(self._take().text))
        return Not(condition) if negated else condition

    def _comparison(self, fact: str) -> Condition:
        sign = self._take().text
        comparator = Comparator(_SPELLINGS.get(sign, sign))
        if self._now.kind == "text" and comparator in {Comparator.EQ, Comparator.NE}:
            condition = Among(fact, (self._quoted(),))
            return condition if comparator is Comparator.EQ else Not(condition)
        if self._now.kind != "number":
            raise self._error("number expected")
        return Compare(fact, comparator, Decimal(self._take().text))

    def _list(self, fact: str) -> Condition:
        if not self._took("("):
            raise self._error("`(` expected")
        values = [self._quoted()]
        while self._took(","):
            values.append(self._quoted())
        if not self._took(")"):
            raise self._error("`,` or `)` expected")
        return Among(fact, tuple(values))

    def _quoted(self) -> str:
        if self._now.kind != "text":
            raise self._error("text in double quotes expected")
        try:
            text = str(json.loads(self._now.text))
        except ValueError:
            raise self._error("text in double quotes with JSON's escapes expected") from None
        self._take()
        return text
