"""Numbers that people know are replaced with all their references, in one run that a kill does not harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import by_hand
import pytest
from apply_states import planned
from approving import confirm_maps
from estates import AS_OF, DUE, NOW, SmallEstate, small_estate
from fixtures_mariadb import MariaDatabase
from fixtures_postgres import PostgresDatabase

from pipelines.apply import apply
from pipelines.errors import Refused
from pipelines.verify import verify
from pipelines.verify.stores import UNTOUCHED

pytestmark = pytest.mark.slow


class Killed(Exception):
    """Stands for the end of a worker."""


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> SmallEstate:
    urls = None
    if request.param == "postgresql":
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        urls = (database.admin, database.read, database.write)
    elif request.param == "mariadb":
        maria: MariaDatabase = request.getfixturevalue("mariadb_database")
        urls = (maria.admin, maria.read, maria.write)
    made = small_estate(tmp_path / "estate", urls)
    path = made.folder / "data_map" / "crm.yaml"
    key = "      id: {category: user.contact.email, technique: new_key}\n      email:"
    path.write_text(path.read_text().replace("      email:", key, 1))
    confirm_maps(made.folder)
    return made


def cascading(small: SmallEstate) -> None:
    """Let MariaDB's foreign key follow."""
    if small.crm.startswith(("mysql", "mariadb")):
        (key,) = by_hand.rows(
            small.crm,
            "information_schema.key_column_usage WHERE table_schema = DATABASE() AND table_name = 'notes' "
            "AND referenced_table_name = 'contacts'",
        )
        name = {field.lower(): value for field, value in key.items()}["constraint_name"]
        small.execute("crm", f"ALTER TABLE notes DROP FOREIGN KEY {name}")
        small.execute(
            "crm", "ALTER TABLE notes ADD FOREIGN KEY (contact_id) REFERENCES contacts (id) ON UPDATE CASCADE"
        )


def run(small: SmallEstate, digest: str, **options: Any) -> None:
    apply(small.estate, digest, now=NOW, today=AS_OF, actor="tests", retries=(), chunk=2, **options)


def failed(small: SmallEstate, digest: str) -> list[tuple[str, str]]:
    found = verify(small.estate, digest, now=NOW, today=AS_OF)
    return [(each.expectation, each.dataset) for each in found if not each.passed]


def renewed(small: SmallEstate) -> None:
    """Five contacts have keys that nobody knew, and their notes know them."""
    contacts, notes = small.rows("crm", "contacts"), small.rows("crm", "notes")
    assert len(contacts) == 12
    new = {row["id"] for row in contacts if row["id"] < 0}
    assert len(new) == len(DUE)
    assert {row["id"] for row in contacts} - new == set(range(1, 13)) - set(DUE)
    owners = {row["id"]: row["contact_id"] for row in notes}
    assert {owners[10 * n + k] for n in DUE for k in (1, 2)} == new
    assert all(owners[10 * n + 1] == owners[10 * n + 2] for n in range(1, 13))
    assert all(owner == number // 10 for number, owner in owners.items() if owner > 0)


def signed(small: SmallEstate) -> None:
    """Count contacts by the sign of their keys, which the engine computes."""
    sign = "(CASE WHEN id < 0 THEN 'new' ELSE 'old' END)"
    small.execute("crm", f"ALTER TABLE contacts ADD sign VARCHAR(3) GENERATED ALWAYS AS {sign} VIRTUAL")
    path = small.folder / "data_map" / "crm.yaml"
    text = path.read_text().replace("    statistics: [", "      sign: {category: none}\n    statistics: [", 1)
    statistic = "{name: signs, by: [{column: sign}], subject: [tenant]}"
    path.write_text(text.replace("statistics: [", f"statistics: [{statistic}, ", 1))
    confirm_maps(small.folder)


def test_keys_are_renewed_with_their_references(small: SmallEstate) -> None:
    cascading(small)
    signed(small)
    plan = planned(small)
    run(small, plan.digest)
    renewed(small)
    assert failed(small, plan.digest) == []
    assert planned(small).steps == ()
    small.execute("crm", "UPDATE notes SET contact_id = 12 WHERE id = 11")  # of one whose key is what it was
    assert failed(small, plan.digest) == [(UNTOUCHED, "notes")]


@pytest.mark.parametrize("point", ["mid_batch", "before_commit", "after_commit", "committed"])
def test_a_killed_run_is_resumed(small: SmallEstate, point: str) -> None:
    cascading(small)
    plan = planned(small)
    met = 0

    def kill(at: str) -> None:
        nonlocal met
        met += at == point
        if at == point and met == 8:
            raise Killed

    with pytest.raises(Killed):
        run(small, plan.digest, checkpoint=kill)
    run(small, plan.digest)
    renewed(small)


def test_what_cannot_follow_is_refused_before_anything_is_changed(small: SmallEstate) -> None:
    if small.crm.startswith(("mysql", "mariadb")):
        match = "cannot follow"
    else:
        small.execute("crm", "ALTER TABLE contacts ADD COLUMN sponsor INTEGER REFERENCES contacts (id)")
        match = "at itself"
    before = small.rows("billing", "customers")
    plan = planned(small)
    with pytest.raises(Refused, match=match):
        run(small, plan.digest)
    assert small.rows("billing", "customers") == before


@pytest.mark.parametrize("small", ["sqlite"], indirect=True)
def test_a_statistic_by_what_would_follow_is_refused_before_anything_is_changed(small: SmallEstate) -> None:
    path = small.folder / "data_map" / "crm.yaml"
    notes = path.read_text().index("  notes:")
    at = path.read_text().index("    approved:", notes)
    counted = "    statistics: [{name: per_contact, by: [{column: contact_id}]}]\n"
    path.write_text(path.read_text()[:at] + counted + path.read_text()[at:])
    confirm_maps(small.folder)
    before = small.rows("crm", "contacts")
    with pytest.raises(Refused, match="a statistic of notes groups by contact_id"):
        run(small, planned(small).digest)
    assert small.rows("crm", "contacts") == before


@pytest.mark.parametrize("small", ["sqlite"], indirect=True)
@pytest.mark.parametrize("nullable", [True, False])
def test_a_personal_column_follows_if_it_is_emptied_in_the_end(small: SmallEstate, nullable: bool) -> None:
    """Who was signed in is kept with a visit for a year; what would stand there afterwards would have to follow too."""
    kind = "INTEGER" if nullable else "INTEGER NOT NULL"
    small.execute("crm", f"CREATE TABLE visits (id INTEGER PRIMARY KEY, who {kind} REFERENCES contacts (id), at DATE)")
    for number in range(1, 13):
        small.execute("crm", f"INSERT INTO visits VALUES ({number}, {number}, '2026-05-01')")
    path = small.folder / "data_map" / "crm.yaml"
    path.write_text(
        path.read_text() + "  visits:\n    source: visits\n    controller: JULIEN\n    tenant: julien\n    key: [id]\n"
        "    events: {created: {column: at}}\n    fields: {who: {category: technical.log}, at: {category: none}}\n"
        "    approved: {by: dpo, on: 2026-06-01}\n"
    )
    confirm_maps(small.folder)
    plan = planned(small)
    if not nullable:
        with pytest.raises(Refused, match="personal and not suppressed"):
            run(small, plan.digest)
        return
    run(small, plan.digest)
    renewed(small)
    new = {row["id"] for row in small.rows("crm", "contacts") if row["id"] < 0}
    assert {row["who"] for row in small.rows("crm", "visits") if row["id"] in DUE} == new
    assert failed(small, plan.digest) == []


@pytest.mark.parametrize("small", ["postgresql"], indirect=True)
def test_a_role_that_could_not_lay_rows_anew_is_refused_before_anything_is_changed(small: SmallEstate) -> None:
    small.execute("crm", "REVOKE MAINTAIN ON contacts FROM ardoise_write")
    before = small.rows("billing", "customers")
    plan = planned(small)
    with pytest.raises(Refused, match="the order of the old ones"):
        run(small, plan.digest)
    assert small.rows("billing", "customers") == before
