"""Two tenants number their members alike in one table: a run for one of them leaves the other's rows as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import TABLE, VISITS, Club, K, club_in, hidden, is_nobody

pytestmark = pytest.mark.slow

TENANT = "tenant integer DEFAULT 1 NOT NULL, "
MEMBERS = TABLE.replace(" PRIMARY KEY", f" NOT NULL, {TENANT[:-2]}").replace(" UNIQUE", "")
OURS = "    where: {tenant: [1]}\n"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    store = club_in(request.param, request, tmp_path)
    store.run("DROP TABLE visits")
    store.run("DROP TABLE members")
    store.run(f"{MEMBERS[:-1]}, PRIMARY KEY (tenant, id))")
    visits = VISITS.replace(" REFERENCES members (id)", f", {TENANT[:-2]}")
    store.run(f"{visits[:-1]}, FOREIGN KEY (tenant, member_id) REFERENCES members (tenant, id))")
    path = store.folder / "data_map" / "club.yaml"
    text = path.read_text(encoding="utf-8")
    members, visits = text.split("  visits:\n")
    members = members.replace("    key: [id]\n", f"    key: [tenant, id]\n{OURS}").replace("[seen_on]", "[seen_on, id]")
    visits = visits.replace("    key: [id]\n", f"    key: [id]\n{OURS}").replace(
        "{member_id: id}", "{tenant: tenant, member_id: id}"
    )
    path.write_text(f"{members}  visits:\n{visits}", encoding="utf-8")
    confirm_maps(store.folder)
    return store


def test_the_rows_of_one_tenant_are_turned_and_those_of_the_other_stay(store: Club) -> None:
    store.join(range(1, 60))
    store.join(range(60, 70), left=1)
    store.visit(range(1, 70))
    for table, own in (("members", "id"), ("visits", "id + 100000 AS id")):
        others = ", ".join(name for name in store.rows(table)[0] if name not in {"id", "tenant"})
        store.run(f"INSERT INTO {table} (tenant, id, {others}) SELECT 2, {own}, {others} FROM {table}")
    before = [row for table in ("members", "visits") for row in store.rows(table) if row["tenant"] == 2]
    plan = store.plan()
    assert store.apply(plan).complete
    assert [row for table in ("members", "visits") for row in store.rows(table) if row["tenant"] == 2] == before
    cells = hidden([row for row in store.rows() if row["tenant"] == 1], is_nobody)
    assert min(cells.values()) >= K
    leads = {row["member_id"] for row in store.rows("visits") if row["tenant"] == 1 and row["note"] is None}
    assert len(leads) < len(cells) + 1, "visits lead to one member of each cell"
    assert [each for each in store.verify(plan) if not each.passed] == []
