"""Rows that lead to anonymised records still are counted where they are, in every engine; plans say so beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import Club, K, club_in, is_nobody

from pipelines.report.model import Leading
from pipelines.verify.leading import leading

pytestmark = pytest.mark.slow

ENDS = "Let what keeps them end with the record, or know that the record is theirs until then"
TURN = "Turn those that hold nothing personal: `anonymity` with `link: member_id` in the data map"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    """Former members who have badges, of which no data map knows, and letters, which are kept for longer."""
    made = club_in(request.param, request, tmp_path)
    made.run("CREATE TABLE badges (id integer PRIMARY KEY, member_id integer REFERENCES members (id))")
    made.run("CREATE TABLE letters (id integer PRIMARY KEY, member_id integer, address varchar(80), sent_on date)")
    path = made.folder / "data_map" / "club.yaml"
    schema = "public." if request.param == "postgresql" else ""
    path.write_text(
        path.read_text() + f"  letters:\n    source: {schema}letters\n    controller: CLUB\n    key: [id]\n"
        "    inherits: [{dataset: members, on: {member_id: id}}]\n    events: {seen: {column: sent_on}}\n"
        "    fields: {address: {category: technical.address, technique: suppress}, sent_on: {category: none}}\n"
        "    approved: {by: dpo, on: 2026-01-01}\n"
    )
    confirm_maps(made.folder)
    made.join(range(1, 60))
    made.join(range(200, 206), left=1)
    made.visit(range(1, 60))
    made.visit(range(200, 206))
    for member in (1, 2, 3, 200):
        made.run(f"INSERT INTO badges VALUES ({member}, {member})")
        sent = "2026-06-01" if member < 3 else "2020-01-01"
        made.run(f"INSERT INTO letters VALUES ({member}, {member}, 'rue {member}', '{sent}')")
    made.run("INSERT INTO badges VALUES (99, NULL)")
    return made


def test_rows_that_lead_to_nobody_are_counted_and_turned_ones_are_not(store: Club) -> None:
    plan = store.plan()
    assert list(leading(store.estate, plan)) == [], "nothing is anonymised yet"
    assert store.apply(plan).complete
    nobodys = {row["id"] for row in store.rows() if is_nobody(row)}
    assert {1, 2, 3} <= nobodys < set(range(1, 60))
    badges = f"{'public.' if store.admin.dialect.name == 'postgresql' else ''}badges"
    said = [each for each in plan.warnings if " lead to " in each]
    held = "club.letters: 3 rows will lead to anonymised records of members, 2 of them with personal fields that are"
    mapped = "Map it, with `anonymity` and its `link`"
    assert said == [
        f"club.{badges}: 3 rows will lead to anonymised records of members. {mapped}",
        f"{held} kept for longer. {ENDS}. {TURN}",
    ]
    again = [each for each in store.plan().warnings if " lead to " in each]
    assert again == said, "what has been anonymised before counts as well"
    assert set(leading(store.estate, plan)) == {
        Leading("club", badges, "members", rows=3, holding=0),
        Leading("club", "letters", "members", rows=3, holding=2),
    }


def test_what_nobody_turns_is_counted(store: Club) -> None:
    """The same where the data map says nothing of the visits' link."""
    path = store.folder / "data_map" / "club.yaml"
    head, visits = path.read_text().split("  visits:\n")
    kept, _, rest = visits.partition("    anonymity:\n")
    path.write_text(f"{head}  visits:\n{kept}    approved:{rest.partition('    approved:')[2]}")
    confirm_maps(store.folder)
    plan = store.plan()
    assert store.apply(plan).complete
    nobodys = {row["id"] for row in store.rows() if is_nobody(row)}
    said = next(each for each in plan.warnings if each.startswith("club.visits"))
    assert said == f"club.visits: 177 rows will lead to anonymised records of members. {TURN}"
    found = {each.dataset: each for each in leading(store.estate, plan)}
    assert found["visits"] == Leading("club", "visits", "members", rows=3 * len(nobodys), holding=0)


def test_rows_of_a_dataset_that_holds_nothing_personal_are_turned_with_their_parents(store: Club) -> None:
    """No step of a plan is theirs; what they are is said all the same."""
    path = store.folder / "data_map" / "club.yaml"
    path.write_text(path.read_text().replace("note: {category: user.content}", "note: {category: none}"))
    path.write_text(
        path.read_text().replace(
            "      measures: [cents]\n      subject", "      free: [note]\n      measures: [cents]\n      subject"
        )
    )
    confirm_maps(store.folder)
    before = {row["id"]: row for row in store.rows("visits")}
    plan = store.plan()
    assert not [each for each in plan.steps if each.dataset == "visits"]
    assert (
        "club.visits: 177 rows hold nothing personal and lead to anonymised records of members: they are turned to "
        "others, and made coarser in cents, member_id, on_day"
    ) in plan.warnings
    assert store.apply(plan).complete
    nobodys = {row["id"] for row in store.rows() if is_nobody(row)}
    after = store.rows("visits")
    turned = [row for row in after if before[row["id"]]["member_id"] in nobodys]
    cells: dict[tuple[object, ...], set[int]] = {}
    for row in turned:
        cell = (row["member_id"], row["on_day"], row["cents"])
        cells.setdefault(cell, set()).add(before[row["id"]]["member_id"])
    assert len(turned) > 100
    assert min(map(len, cells.values())) >= K
    assert [row for row in after if row not in turned] == [
        each for each in before.values() if each["member_id"] not in nobodys
    ], "those of the living, and of who was held back, are as they were"
    assert [each for each in store.verify(plan) if not each.passed] == []
    assert "visits" not in {each.dataset for each in leading(store.estate, plan)}
    waiting = [row for row in after if row["member_id"] not in nobodys and row["member_id"] < 200]
    said = [each for each in store.plan().warnings if each.startswith("club.visits")]
    assert [each.split()[1] for each in said] == [str(len(waiting))], "those of who was held back, and no other"
