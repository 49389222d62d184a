"""What a partition writes is tried before anything is changed, in every engine: constants, coarser values."""

from __future__ import annotations

from pathlib import Path

import hidden_shop
import pytest
from approving import confirm_maps
from hidden_shop import Club, K, club_in, hidden, is_nobody

from connectors.errors import StoreRefuses

pytestmark = pytest.mark.slow

SERVERS = ["postgresql", "mariadb"]
REMEDY = "Keep it by `value` down to the last level of `anonymity`"


def with_check(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kind: str, folder: Path, **checks: str
) -> Club:
    """The club with CHECK constraints in its tables."""
    for table, check in checks.items():
        made = getattr(hidden_shop, table).rstrip().removesuffix(")")
        monkeypatch.setattr(hidden_shop, table, f"{made}, CHECK ({check}))")
    return club_in(kind, request, folder)


def remap(store: Club, was: str, now: str) -> None:
    path = store.folder / "data_map" / "club.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(was) == 1
    path.write_text(text.replace(was, now), encoding="utf-8")
    confirm_maps(store.folder)


def touching(store: Club, table: str, column: str, value: str) -> None:
    """Let a trigger set a column of each row that is updated."""
    match store.admin.dialect.name:
        case "postgresql":
            body = f"$$ BEGIN NEW.{column} = {value}; RETURN NEW; END $$"
            store.run(f"CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS {body}")
            store.run(f"CREATE TRIGGER touching BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touched()")
        case "sqlite":
            body = f"UPDATE {table} SET {column} = {value} WHERE id = NEW.id"
            store.run(f"CREATE TRIGGER touching AFTER UPDATE ON {table} BEGIN {body}; END")
        case _:
            store.run(f"CREATE TRIGGER touching BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.{column} = {value}")


def refused(store: Club, what: str) -> None:
    """The run of a new plan ends before it begins, for that reason."""
    before = store.rows(), store.rows("visits")
    with pytest.raises(StoreRefuses, match=what) as caught:
        store.apply(store.plan())
    assert REMEDY in str(caught.value)
    assert (store.rows(), store.rows("visits")) == before


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_what_a_check_refuses_of_a_partition_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Of the members, then of visits, which are turned once members are nobody; then the map is mended."""
    checks = {"TABLE": "region IN ('Nord', 'Est', 'Sud', 'Ouest')", "VISITS": "on_day >= '2021-01-01'"}
    store = with_check(monkeypatch, request, kind, tmp_path, **checks)
    store.join(range(1, 60), region="Nord")
    store.visit(range(1, 60))
    refused(store, "members: region cannot have the values that level 3 of its partition gives")
    remap(store, "- {left_on: decade}", "- {region: value, left_on: decade}")
    refused(store, "visits: on_day cannot have the values that level 4 of its partition gives")
    remap(store, "- {on_day: year}\n        - {}", "- {on_day: year}")
    assert store.apply(store.plan()).complete
    assert min(hidden(store.rows(), is_nobody).values()) >= K


@pytest.mark.parametrize("kind", ["sqlite"])
def test_rows_that_no_step_acts_on_are_tried_as_they_will_be_turned(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    store = with_check(monkeypatch, request, kind, tmp_path, VISITS="on_day >= '2021-01-01'")
    remap(store, "note: {category: user.content}", "note: {category: none}")
    remap(store, "      subject: member_id", "      free: [note]\n      subject: member_id")
    store.join(range(1, 60))
    store.visit(range(1, 60))
    assert {step.dataset for step in store.plan().steps} == {"members"}
    refused(store, "visits: on_day cannot have the values")


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_trigger_that_moves_the_day_of_an_event_stops_the_run(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Only traces are due of those who left a year ago: with another day of leaving, their names never would be."""
    store = club_in(kind, request, tmp_path)
    store.join(range(1, 30), left=1)
    touching(store, "members", "left_on", "CURRENT_DATE")
    before, plan = store.rows(), store.plan()
    with pytest.raises(StoreRefuses, match=r"left_on changes by itself .* the event left \(trigger touching\)"):
        store.apply(plan)
    assert store.rows() == before
    store.run("DROP TRIGGER touching" + (" ON members" if kind == "postgresql" else ""))
    assert store.apply(store.plan()).complete


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_trigger_that_changes_what_turned_rows_have_in_common_stops_the_run(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """No step acts on visits; they are turned once members are nobody."""
    store = club_in(kind, request, tmp_path)
    remap(store, "note: {category: user.content}", "note: {category: none}")
    remap(store, "      subject: member_id", "      free: [note]\n      subject: member_id")
    store.join(range(1, 60))
    store.visit(range(1, 60))
    for column, value, what in (
        ("cents", "id", "cents changes by itself .* supplies the partition of visits"),
        ("on_day", "OLD.on_day", "on_day does not keep what level 1 of its partition gives"),
    ):
        touching(store, "visits", column, value)
        plan, before = store.plan(), (store.rows(), store.rows("visits"))
        with pytest.raises(StoreRefuses, match=what):
            store.apply(plan)
        assert (store.rows(), store.rows("visits")) == before
        store.run("DROP TRIGGER touching")


def test_what_mariadb_stamps_at_an_update_keeps_its_time(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Of members, where it supplies an event, and of visits, where it stays in rows that are turned."""
    members = hidden_shop.TABLE.replace("seen_on date", "seen_on timestamp NULL ON UPDATE CURRENT_TIMESTAMP")
    stamp = "at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
    monkeypatch.setattr(hidden_shop, "TABLE", members)
    monkeypatch.setattr(hidden_shop, "VISITS", hidden_shop.VISITS.rstrip().removesuffix(")") + f", {stamp})")
    store = club_in("mariadb", request, tmp_path)
    store.join(range(1, 60), left=4)
    store.visit(range(1, 60))
    store.run("UPDATE visits SET at = '2022-02-02 12:00:00'")
    before = {row["id"]: row for row in store.rows("visits")}
    assert store.apply(store.plan()).complete
    assert {str(row["seen_on"]) for row in store.rows()} == {"2020-01-01 00:00:00"}
    assert {str(row["at"]) for row in store.rows("visits")} == {"2022-02-02 12:00:00"}
    assert any(row["member_id"] != before[row["id"]]["member_id"] for row in store.rows("visits"))
    assert any(is_nobody(row) for row in store.rows())


@pytest.mark.parametrize("kind", ["sqlite"])
def test_rows_that_stay_a_persons_are_not_tried(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Only the traces of the living go; what their rows refuse is never written into them."""
    store = with_check(monkeypatch, request, kind, tmp_path, TABLE="seen_on < '2021-01-01' OR region <> '*'")
    store.join(range(1, 30), left=1)
    store.run("UPDATE members SET seen_on = '2022-01-01'")
    store.join(range(100, 160))
    assert store.apply(store.plan()).complete
    assert min(hidden(store.rows(), is_nobody).values()) >= K
