"""Columns that an update changes without naming them: statistics over them stay, and nobody is blamed for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from approving import confirm_maps
from hidden_shop import Club, club_in

from connectors.sql.connector import SqlConnector
from pipelines.apply.statistics import Cells, contributed, measure
from pipelines.plan.artefact import Plan
from pipelines.statistics.questions import registered
from pipelines.verify.stores import UNTOUCHED

pytestmark = pytest.mark.slow

SOURCES = {
    "members": dict.fromkeys(("sqlite", "postgresql", "mariadb"), "substr(ip, 1, 3)"),
    "visits": {
        "sqlite": "substr(on_day, 9, 2)",
        "postgresql": "EXTRACT(day FROM on_day)",
        "mariadb": "DAYOFMONTH(on_day)",
    },
}
STORED = {"sqlite": "VIRTUAL", "postgresql": "STORED", "mariadb": "STORED"}  # SQLite adds none that is stored
TRIGGERS = {
    "sqlite": "CREATE TRIGGER late AFTER UPDATE ON {table} "
    "BEGIN UPDATE {table} SET implied = 'after' WHERE id = NEW.id; END",
    "postgresql": "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN NEW.implied := 'after'; RETURN NEW; END $$;"
    "CREATE TRIGGER late BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION late()",
    "mariadb": "CREATE TRIGGER late BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.implied = 'after'",
}
STAMP = "timestamp DEFAULT '2020-01-05 10:00:00' ON UPDATE CURRENT_TIMESTAMP"
CASES = {
    "sqlite": {"members": "trigger", "visits": "generated"},
    "postgresql": {"members": "generated", "visits": "trigger"},
    "mariadb": {"members": "stamp", "visits": "trigger"},
}


def adding(kind: str, what: str, table: str) -> list[str]:
    """The statements that add such a column to a table."""
    match what:
        case "generated":
            column = f"varchar(9) GENERATED ALWAYS AS ({SOURCES[table][kind]}) {STORED[kind]}"
        case "trigger":
            column = "varchar(9) DEFAULT 'before'"
        case _:
            column = STAMP
    triggers = [TRIGGERS[kind].format(table=table)] if what == "trigger" else []
    return [f"ALTER TABLE {table} ADD implied {column}", *triggers]


@pytest.fixture(params=CASES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Club:
    """A club of which both tables have such a column, and a statistic by it."""
    made = club_in(request.param, request, tmp_path)
    path = made.folder / "data_map" / "club.yaml"
    for table, what in CASES[request.param].items():
        for statement in adding(request.param, what, table):
            made.run(statement)
        by = "{column: implied, by: month}" if what == "stamp" else "{column: implied}"
        before, of, after = path.read_text().partition(f"  {table}:\n")
        after = after.replace("    statistics:\n", "      implied: {category: none}\n    statistics:\n", 1)
        statistic = f"      - {{name: implied, by: [{by}], subject: [id]}}\n"
        after = after.replace("    anonymity:\n", f"{statistic}    anonymity:\n      free: [implied]\n", 1)
        path.write_text(before + of + after.replace("      free: [seen_on]\n", ""))
    path.write_text(path.read_text().replace("free: [implied]", "free: [implied, seen_on]", 1))
    confirm_maps(made.folder)
    made.join(range(1, 25), region="Nord")
    made.join(range(200, 206), left=1)
    made.join(range(300, 306), left=1)  # of whom one step empties the address, and no more
    made.run("UPDATE members SET seen_on = '2026-06-01' WHERE id BETWEEN 200 AND 206")
    made.visit(range(1, 25))
    made.visit(range(200, 206))
    return made


def measures(store: Club) -> dict[str, tuple[Cells, Cells]]:
    """By dataset: what live rows and ledger say together, and the ledger alone."""
    estate, found = store.estate, {}
    with estate.connected("club") as connector:
        assert isinstance(connector, SqlConnector)
        for dataset in ("members", "visits"):
            statistics = registered(connector, estate.data_maps["club"], dataset)
            kept = contributed(connector, statistics)["implied"]
            found[dataset] = measure(connector, statistics)["implied"], kept
    return found


def failed(store: Club, plan: Plan) -> set[tuple[str, str]]:
    return {(each.expectation, each.dataset) for each in store.verify(plan) if not each.passed}


def test_what_an_update_does_not_name_is_counted_and_blamed_on_nobody(store: Club) -> None:
    before = measures(store)
    plan = store.plan()
    assert store.apply(plan).complete
    for dataset, (both, kept) in measures(store).items():
        assert {cell: each for cell, each in both.items() if not each.nothing} == before[dataset][0]
        if CASES[store.admin.dialect.name][dataset] == "stamp":
            assert kept == {}, "what MariaDB sets on updates is assigned to itself"
        else:
            assert min(each.n for each in kept.values()) < 0 < max(each.n for each in kept.values())
    assert failed(store, plan) == set()
    store.run("UPDATE members SET name = 'Other' WHERE id = 200")
    store.run("UPDATE visits SET note = 'Other' WHERE id = 20000")
    assert {(UNTOUCHED, "members"), (UNTOUCHED, "visits")} <= failed(store, plan)
