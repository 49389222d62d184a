"""What stands in the way of anonymisation stops a run before anything is changed in any store, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from apply_states import planned
from approving import confirm_maps
from estates import AS_OF, DUE, NOW, SmallEstate, small_estate
from hidden_shop import club_in

from connectors.errors import StoreRefuses
from pipelines.apply import apply
from pipelines.plan.artefact import Plan
from pipelines.verify import verify

TABLES = (
    ("crm", "contacts"),
    ("crm", "notes"),
    ("crm", "web_logs"),
    ("billing", "customers"),
    ("billing", "contracts"),
)


def everything(small: SmallEstate) -> list[object]:
    return [small.rows(store, table) for store, table in TABLES]


def run(small: SmallEstate, plan: Plan | None = None) -> None:
    plan = plan or planned(small)
    apply(small.estate, plan.digest, now=NOW, today=AS_OF, actor="tests", retries=())


def test_a_trigger_that_keeps_old_values_stops_the_run(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    small.execute("crm", "CREATE TABLE contacts_audit (id INTEGER, email TEXT, last_name TEXT)")
    small.execute(
        "crm",
        "CREATE TRIGGER auditing AFTER UPDATE ON contacts BEGIN "
        "INSERT INTO contacts_audit VALUES (OLD.id, OLD.email, OLD.last_name); END",
    )
    before = everything(small)
    with pytest.raises(StoreRefuses, match="contacts_audit, where it would stay") as caught:
        run(small)
    assert "acme.example" not in str(caught.value)
    assert everything(small) == before
    assert small.rows("crm", "contacts_audit") == []
    small.execute("crm", "DROP TRIGGER auditing")
    run(small)
    assert everything(small) != before


def test_a_constraint_that_refuses_a_replacement_stops_the_run(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    small.execute(
        "crm", "ALTER TABLE contacts ADD COLUMN ours TEXT CHECK (ours IS NULL OR email LIKE '%@acme.example')"
    )
    small.execute("crm", "UPDATE contacts SET ours = 'yes'")
    before = everything(small)
    with pytest.raises(StoreRefuses, match="contacts: email cannot have the values"):
        run(small)
    assert everything(small) == before


@pytest.mark.slow
def test_a_generated_column_follows(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    small.execute("crm", "ALTER TABLE contacts ADD COLUMN shown TEXT AS (last_name || ' <' || email || '>') VIRTUAL")
    plan = planned(small)
    run(small, plan)
    for row in small.rows("crm", "contacts"):
        assert row["shown"] == f"{row['last_name']} <{row['email']}>"
        assert row["shown"].endswith(".invalid>") == (row["id"] in DUE)


def test_a_plan_names_a_table_that_looks_like_a_history(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    small.execute("crm", "CREATE TABLE contacts_history (id INTEGER, email TEXT, last_name TEXT)")
    plan = planned(small)
    assert [each for each in plan.warnings if "contacts_history looks like a history" in each]


@pytest.mark.slow
def test_what_has_no_copies_is_not_remarked_upon(tmp_path: Path) -> None:
    small = small_estate(tmp_path / "estate")
    plan = planned(small)
    assert not [each for each in plan.warnings if "looks like" in each or "keeps what was there" in each]
    run(small, plan)
    assert [each for each in verify(small.estate, plan.digest, now=NOW, today=AS_OF) if not each.passed] == []


def test_a_key_that_is_too_long_for_a_mark_stops_the_run(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = club_in("sqlite", request, tmp_path)
    made.run("ALTER TABLE members ADD COLUMN code varchar(400)")
    made.join(range(40))
    made.run("UPDATE members SET code = printf('%0300d', id)")
    data_map = made.folder / "data_map" / "club.yaml"
    text = data_map.read_text(encoding="utf-8")
    keyed = text.replace("key: [id]", "key: [code]", 1).replace(
        "region: {", "code: {category: none}\n      region: {", 1
    )
    data_map.write_text(keyed, encoding="utf-8")
    confirm_maps(made.folder)
    before = made.rows()
    with pytest.raises(StoreRefuses, match="members: its key"):
        made.apply(made.plan())
    assert made.rows() == before
