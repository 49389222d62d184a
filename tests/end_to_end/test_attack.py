"""The attack with anonymeter: our anonymisation resists where one that is known to be bad does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.attack.__main__ import traces
from benchmarks.attack.demo import Contacts, contacts
from benchmarks.attack.environment import environment, folder_of_checkout
from benchmarks.attack.hidden import smallest_cell
from benchmarks.attack.known import LEADS
from benchmarks.attack.leftovers import planted
from benchmarks.attack.persons import KEPT, Persons, Release, persons, release
from benchmarks.attack.question import FEWEST, KNOWN_BAD, LEAST_ATTACKS, MOST, attempts, judged

ENOUGH = 6_000
"""Attacks after which a risk of two in a hundred, which is there, is told from the five that are too many."""

pytestmark = [pytest.mark.slow, pytest.mark.attack, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Attack:
    """The public table and its two releases."""

    given: Persons
    bad: Release
    good: Release


@pytest.fixture(scope="module")
def python() -> Path:
    return environment(folder_of_checkout())


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Attack:
    given = persons(tmp_path_factory.mktemp("attack"), python)
    bad, good = (release(given, name, anonymity=name == "safe") for name in ("bad", "safe"))
    return Attack(given, bad, good)


def test_a_public_table_resists_where_the_bad_variant_does_not(attack: Attack, python: Path, tmp_path: Path) -> None:
    assert len(attack.given.inside) >= 5_000
    asked = attack.given.question
    risks, k = asked.attacked(attack.good.rows()[KEPT], python, tmp_path, ENOUGH)
    bad, least = asked.attacked(attack.bad.rows()[KEPT], python, tmp_path, LEAST_ATTACKS)
    assert attack.good.failed == ()
    assert k >= 11
    assert least == 1
    assert judged(risks, bad) == []
    assert all(each["upper"] <= MOST for each in risks.values())
    assert attempts(risks) >= LEAST_ATTACKS


def test_no_candidate_leaves_a_trace(attack: Attack) -> None:
    assert traces(attack.given, attack.good) == {}
    planted(attack.good.database, attack.given.people["email"][17])
    assert traces(attack.given, attack.good) == {"main.careless": 1, "persons.sqlite": 1}


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Contacts:
    return contacts(tmp_path_factory.mktemp("attack") / "demo", 1.0)


def test_the_order_of_keys_and_days_tells_of_nobody_who_is_who(demonstration: Contacts) -> None:
    """By the rank of anything in CRM or billing, held against that of anything in the other; before the run it does."""
    before, after = demonstration.guesses()
    assert max(each.found / each.persons for each in before if each.left == each.right == "id") > KNOWN_BAD
    many = [each for each in after if each.persons >= FEWEST]
    assert len(many) > 30
    assert max(each.bound for each in many) <= MOST
    assert not [each for each in after if each.betrays]


def test_days_and_amounts_of_emptied_contracts_tell_of_nobody_who_is_who(demonstration: Contacts) -> None:
    """Whoever knows them finds the customer's row by them beforehand; afterwards one that stands for eleven or more."""
    before, after = demonstration.found_by_papers()
    assert before.persons > 300
    assert before.found / before.persons > KNOWN_BAD
    assert after.found / after.persons <= 1 / 11
    exact, released = demonstration.papers
    whose = exact[LEADS]
    assert smallest_cell(exact.drop(columns=LEADS)) == 1
    assert smallest_cell(released.assign(subject=whose), "subject") >= 11, "together with where they lead"


def test_the_demonstrations_contacts_resist_where_the_bad_variant_does_not(
    demonstration: Contacts, python: Path, tmp_path: Path
) -> None:
    given = demonstration
    assert len(given.original) > LEAST_ATTACKS
    risks, k = given.question.attacked(given.released, python, tmp_path, LEAST_ATTACKS)
    bad, least = given.question.attacked(given.original, python, tmp_path, LEAST_ATTACKS)
    assert k >= 11
    assert least == 1
    assert judged(risks, bad) == []
