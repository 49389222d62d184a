"""The attack on a public table of persons: our anonymisation resists where one that is known to be bad does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.attack.__main__ import MOST, Risks, attacked, judged, traces
from benchmarks.attack.environment import environment, folder_of_checkout
from benchmarks.attack.leftovers import planted
from benchmarks.attack.persons import Persons, Release, persons, release

pytestmark = [pytest.mark.slow, pytest.mark.attack, pytest.mark.timeout(3600)]

ATTACKS = 2_000


@dataclass(frozen=True)
class Attack:
    """The table and its two releases, with what the attack found of each."""

    given: Persons
    bad: Release
    good: Release
    python: Path

    def on(self, released: Release | None) -> tuple[Risks, int]:
        return attacked(self.given, released, self.python, ATTACKS)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Attack:
    python = environment(folder_of_checkout())
    given = persons(tmp_path_factory.mktemp("attack"), python)
    bad, good = (release(given, name, anonymity=name == "safe") for name in ("bad", "safe"))
    return Attack(given, bad, good, python)


def test_it_resists_where_the_bad_variant_does_not(attack: Attack) -> None:
    assert len(attack.given.inside) >= 5_000
    risks, k = attack.on(attack.good)
    bad, least = attack.on(attack.bad)
    assert attack.good.failed == ()
    assert k >= 11
    assert least == 1
    assert judged(risks, bad) == []
    assert all(each["upper"] <= MOST for each in risks.values())


def test_no_candidate_leaves_a_trace(attack: Attack) -> None:
    assert traces(attack.given, attack.good) == {}
    planted(attack.good.database, attack.given.people["email"][17])
    assert traces(attack.given, attack.good) == {"main.careless": 1, "persons.sqlite": 1}
