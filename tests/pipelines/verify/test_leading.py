"""Rows that lead to anonymised records still are counted where they are, in every engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import Club, club_in, is_nobody

from pipelines.report.model import Leading
from pipelines.verify.leading import leading

pytestmark = pytest.mark.slow


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
    found = {each.dataset: each for each in leading(store.estate, plan)}
    assert found["visits"] == Leading("club", "visits", "members", rows=3 * len(nobodys), holding=0)
