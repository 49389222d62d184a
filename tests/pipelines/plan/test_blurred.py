"""Days that get coarser in anonymised rows must not be those on which something else depends for longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import NOW, TODAY, Club, club

from pipelines.plan import make_plan

LETTERS = """  letters:
    source: letters
    controller: CLUB
    key: [id]
    inherits: [{dataset: members, on: {member_id: id}}]
    fields: {address: {category: letter, technique: suppress}, sent_on: {category: none}}
    approved: {by: dpo, on: 2026-01-01}
"""
REFUSAL = (
    "club",
    "members",
    "`anonymity` would make `left_on` coarser, on which purpose letters depends in club.letters for longer",
)


@pytest.fixture
def store(tmp_path: Path) -> Club:
    (tmp_path / "club.sqlite").touch()
    made = club(tmp_path / "estate", *(f"sqlite:///{tmp_path / 'club.sqlite'}",) * 3)
    made.run("CREATE TABLE letters (id integer PRIMARY KEY, member_id integer, address varchar(80), sent_on date)")
    made.join(range(1, 20))
    return made


def refusals(store: Club, keeps: str, letters: str = LETTERS) -> list[tuple[str, str, str]]:
    """Why a plan is refused where letters are kept for four years after a member has left."""
    policy, data_map = store.folder / "policies" / "club.yaml", store.folder / "data_map" / "club.yaml"
    purpose = f"  letters: {{basis: law, source: §3, keeps: [{keeps}], after: left, for: 4 years, then: anonymise}}\n"
    text = policy.read_text(encoding="utf-8").replace("{technical: Traces}", "{technical: Traces, letter: Letters}")
    policy.write_text(text + purpose, encoding="utf-8")
    data_map.write_text(data_map.read_text(encoding="utf-8") + letters, encoding="utf-8")
    confirm_maps(store.folder)
    plan = make_plan(store.estate, "CLUB", as_of=TODAY, today=TODAY, now=NOW, by="tests")
    return [(each.store, each.dataset, each.reason) for each in plan.refusals]


def test_what_depends_for_longer_on_a_day_that_gets_coarser_refuses_the_plan(store: Club) -> None:
    """A month, or a decade, later it would be due before its time."""
    assert refusals(store, "letter") == [REFUSAL]


def test_a_purpose_that_keeps_both_has_ended_when_the_day_gets_coarser(store: Club) -> None:
    assert refusals(store, "letter, user.name") == []


HIDING = """    anonymity:
      k: 5
      signed_off: {by: dpo, on: 2026-06-01}
      partition: [{sent_on: month}]
"""


DEPENDS = "`anonymity` would make `left_on` coarser, on which purpose letters depends in rows of club.letters"


def test_rows_that_can_be_held_back_do_not_depend_on_it(store: Club) -> None:
    """They would be due on no day that is known once the member's is gone. With a link they hide when he does."""
    alone = LETTERS.replace("    approved:", HIDING + "      free: [member_id]\n    approved:")
    assert refusals(store, "letter, user.name", alone) == [("club", "members", f"{DEPENDS} that can be held back")]


def test_rows_with_a_link_are_not_held_back(store: Club) -> None:
    linked = LETTERS.replace("    approved:", HIDING + "      link: member_id\n    approved:")
    assert refusals(store, "letter, user.name", linked) == []


def test_a_day_of_its_own_is_not_inherited(store: Club) -> None:
    own = LETTERS.replace("    fields:", "    events: {left: {column: sent_on}}\n    fields:")
    assert refusals(store, "letter", own) == []


def test_a_day_that_stays_as_it_is_may_be_inherited(store: Club) -> None:
    path = store.folder / "data_map" / "club.yaml"
    text = path.read_text(encoding="utf-8")
    for coarse in ("left_on: month", "left_on: year", "left_on: decade"):
        text = text.replace(coarse, "left_on: value")
    path.write_text(text, encoding="utf-8")
    assert refusals(store, "letter") == []
