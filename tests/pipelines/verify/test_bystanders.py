"""What no step acts on is compared by content: of rows on which another step acts, and in a table of two datasets."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import Club, club_in

from pipelines.plan.artefact import Plan
from pipelines.verify.stores import UNTOUCHED

pytestmark = pytest.mark.slow

OF_REGION = """
  {name}:
    source: {schema}members
    controller: CLUB
    key: [id]
    where: {{region: [{region}]}}
    subjects: [{{kind: email, columns: [email]}}]
    events: {{left: {{column: left_on}}, seen: {{column: seen_on}}}}
    fields:
      email: {{category: user.contact.email, technique: unique_address}}
      name: {{category: user.name}}
      ip: {{category: technical.ip, technique: suppress}}
      region: {{category: none}}
    approved: {{by: dpo, on: 2026-01-01}}
"""
SPOILED = {
    "members": [
        ("name", "'Other'", 300),
        ("born", "'1970-01-01'", 300),
        ("left_on", "'2025-01-01'", 300),
        ("seen_on", "'2020-02-02'", 1),
    ],
    "visits": [("note", "'Other'", 20000), ("on_day", "'2021-01-01'", 20000), ("member_id", "201", 20000)],
}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    return club_in(request.param, request, tmp_path)


def changed(store: Club, plan: Plan) -> list[str]:
    """The datasets of which something changed without being due, as verification says."""
    return [each.dataset for each in store.verify(plan) if each.expectation == UNTOUCHED and not each.passed]


def test_what_a_step_has_left_of_a_row_is_compared(store: Club) -> None:
    store.join(range(1, 40), region="Nord")
    store.join(range(200, 206), left=1)
    store.run("UPDATE members SET seen_on = '2026-06-01' WHERE id >= 200")
    store.join(range(300, 306), left=1)  # of whom another step empties the address, and no more
    store.visit(range(1, 40))
    store.visit(range(200, 206))
    plan = store.plan()
    assert store.apply(plan).complete
    assert {row["ip"] for row in store.rows() if row["id"] >= 300} == {None}
    assert changed(store, plan) == []
    for table, cases in SPOILED.items():
        for column, value, row in cases:
            was = next(each[column] for each in store.rows(table) if each["id"] == row)
            store.run(f"UPDATE {table} SET {column} = {value} WHERE id = {row}")
            assert (column, changed(store, plan)) == (column, [table])
            store.run(f"UPDATE {table} SET {column} = '{was}' WHERE id = {row}")
    assert changed(store, plan) == []


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_by_another_data_map_nothing_can_be_compared(store: Club) -> None:
    store.join(range(1, 40), region="Nord")
    store.join(range(300, 306), left=1)
    plan = store.plan()
    assert store.apply(plan).complete
    path = store.folder / "data_map" / "club.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("name: {category: user.name}", "name: {category: user.contact}"), encoding="utf-8")
    confirm_maps(store.folder)
    found = {each.dataset: (each.seen, each.remedy) for each in store.verify(plan) if each.expectation == UNTOUCHED}
    assert found["members"][0] is None
    assert "The data map is another" in found["members"][1]


def test_two_datasets_of_one_table_are_compared_together(store: Club) -> None:
    schema = "public." if store.admin.dialect.name == "postgresql" else ""
    maps = [OF_REGION.format(name=name.lower(), schema=schema, region=name) for name in ("Nord", "Sud")]
    (store.folder / "data_map" / "club.yaml").write_text(f"store: club\ndatasets:{''.join(maps)}", encoding="utf-8")
    confirm_maps(store.folder)
    store.join(range(1, 10), region="Nord")
    store.join(range(10, 20), region="Sud")
    store.join(range(300, 306), left=1, region="Nord")
    store.join(range(400, 406), left=1, region="Sud")
    plan = store.plan()
    assert store.apply(plan).complete
    assert changed(store, plan) == []
    for row in (300, 400):
        store.run(f"UPDATE members SET name = 'Other' WHERE id = {row}")
        assert changed(store, plan) == ["nord"]
        store.run(f"UPDATE members SET name = 'Member {row}' WHERE id = {row}")
        assert changed(store, plan) == []
