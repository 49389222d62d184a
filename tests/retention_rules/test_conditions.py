"""Conditions: notation, complaints with a position, and Kleene's logic."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_rules.conditions import (
    Among,
    And,
    Comparator,
    Compare,
    Condition,
    ConditionInvalid,
    Is,
    Named,
    Not,
    Or,
    State,
    Truth,
    describe,
    evaluate,
    events_in,
    facts_in,
    parse,
)
from retention_rules.events import Absent, Event, Missing, Open

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"and", "or", "not", "is", "in"}
)
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Named, NAMES),
    st.builds(Is, NAMES, st.sampled_from(State)),
    st.builds(
        Compare,
        NAMES,
        st.sampled_from(Comparator),
        st.decimals(-(10**9), 10**9, places=2).map(lambda number: number + Decimal(0)),
    ),
    st.builds(Among, NAMES, st.lists(st.text(max_size=8), min_size=1, max_size=3).map(tuple)),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: Or(tuple(each))),
    ),
    max_leaves=8,
)


def test_reads_facts_states_comparisons_and_brackets() -> None:
    assert parse("a or b and not (c or d is not open)") == Or(
        (Named("a"), And((Named("b"), Not(Or((Named("c"), Not(Is("d", State.OPEN))))))))
    )


@pytest.mark.parametrize(
    ("text", "comparator"),
    [
        ("<", "<"),
        ("<=", "<="),
        ("≤", "<="),
        ("=", "="),
        ("==", "="),
        ("!=", "!="),
        ("≠", "!="),
        ("≥", ">="),
        (">", ">"),
    ],
)
@pytest.mark.parametrize("unit", ["", " €", "€", " EUR"])
def test_reads_every_comparator_with_or_without_a_currency(text: str, comparator: str, unit: str) -> None:
    assert parse(f"amount {text} 120.50{unit}") == Compare("amount", Comparator(comparator), Decimal("120.50"))


@given(CONDITIONS)
def test_is_read_back_as_it_is_described(condition: Condition) -> None:
    assert parse(describe(condition)) == condition


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 0, "name of a fact or event expected, but the condition ends"),
        ("client and", 10, "name of a fact or event expected"),
        ("client member", 7, "`and` or `or` expected, but found `member`"),
        ("x is opne", 5, "one of known, open, missing, absent expected, but found `opne`"),
        ("amount >= lots", 10, "number expected, but found `lots`"),
        ("(a or b", 7, "`)` expected"),
        ("a $ b", 2, "`and` or `or` expected, but found `$`"),
        ("and a", 0, "name of a fact or event expected, but found `and`"),
        ("(" * 60 + "a" + ")" * 60, 40, "simpler condition expected"),
    ],
)
def test_says_what_it_expected_and_where(text: str, position: int, expected: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse(text)
    assert caught.value.position == position
    assert expected in str(caught.value)
    assert f"at character {position + 1}" in str(caught.value)


def truth_of(
    text: str, *, facts: dict[str, Truth] | None = None, number: Decimal | None = None, word: str | None = None
) -> Truth:
    events: dict[str, Event] = {"running": Open(), "lost": Missing()}
    return evaluate(
        parse(text),
        event=lambda name: events.get(name, Absent()),
        fact=(facts or {}).get,
        number=lambda _: number,
        text=lambda _: word,
    )


def test_reads_texts_that_a_fact_may_be() -> None:
    assert parse('status = "gold" or status in ("silver", "a \\"b\\"") and status != "x"') == Or(
        (Among("status", ("gold",)), And((Among("status", ("silver", 'a "b"')), Not(Among("status", ("x",))))))
    )
    assert facts_in(parse('not status = "gold"')) == {"status"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status in gold", "`(` expected, but found `gold`"),
        ("status in (gold)", "text in double quotes expected, but found `gold`"),
        ('status in ("a" "b")', '`,` or `)` expected, but found `"b"`'),
        ('status > "a"', 'number expected, but found `"a"`'),
        ('status = "\\x"', "text in double quotes with JSON's escapes expected"),
    ],
)
def test_says_what_is_wrong_with_texts(text: str, expected: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse(text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(("word", "truth"), [("gold", True), ("Gold", False), ("gold ", False), (None, None)])
def test_a_text_is_compared_as_it_is_written_and_unknown_stays_unknown(word: str | None, truth: Truth) -> None:
    assert truth_of('status in ("gold", "silver")', word=word) is truth
    assert truth_of('status != "gold"', word=word) is (None if truth is None else not truth)


@pytest.mark.parametrize("one", [True, False, None])
@pytest.mark.parametrize("other", [True, False, None])
def test_logic_is_kleenes(one: Truth, other: Truth) -> None:
    rank = {False: 0, None: 1, True: 2}
    facts = {"a": one, "b": other}
    assert truth_of("a and b", facts=facts) is min(one, other, key=rank.__getitem__)
    assert truth_of("a or b", facts=facts) is max(one, other, key=rank.__getitem__)
    assert truth_of("not a", facts=facts) is {True: False, False: True, None: None}[one]


def test_an_event_is_in_exactly_one_state() -> None:
    for event in ("running", "lost", "never"):
        assert [truth_of(f"{event} is {state}") for state in State].count(True) == 1
        assert all(truth_of(f"{event} is not {state}") is not truth_of(f"{event} is {state}") for state in State)


@pytest.mark.parametrize(
    ("sign", "truths"),
    [
        ("<", [True, False, False]),
        ("<=", [True, True, False]),
        ("=", [False, True, False]),
        ("!=", [True, False, True]),
        (">=", [False, True, True]),
        (">", [False, False, True]),
    ],
)
def test_numbers_are_compared_exactly_and_an_unknown_one_is_unknown(sign: str, truths: list[Truth]) -> None:
    numbers = [Decimal("119.99"), Decimal("120.00"), Decimal("120.01")]
    assert [truth_of(f"amount {sign} 120", number=number) for number in numbers] == truths
    assert truth_of(f"amount {sign} 120") is None


def test_lists_the_names_that_it_uses() -> None:
    condition = parse("not a and (x is open or amount > 3)")
    assert events_in(condition) == {"x"}
    assert facts_in(condition) == {"a", "amount"}
