"""Rows in groups that PostgreSQL places and lines up at once: killed, changed, locked, held, they hide as others do."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from approving import confirm_maps
from fixtures_postgres import PostgresDatabase
from strategic_estate import MAP, NAMES, StrategicEstate, strategic_estate

from pipelines.apply import apply
from pipelines.apply.summary import RunSummary
from pipelines.engine import HoldScope
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.verify import verify
from pipelines.verify.statistics import EQUAL
from pipelines.verify.stores import UNTOUCHED

pytestmark = pytest.mark.slow
NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
K, MORE = 11, range(100, 220)
DUE = {*range(1, 31), *MORE}
GROUPS = """\
    anonymity:
      partition: [{ended: month}, {ended: year}, {}]
      free: [region]
"""


@pytest.fixture
def shop(postgres_database: PostgresDatabase, tmp_path: Path) -> StrategicEstate:
    """People only, of whom 30 ended in January and 120 in February; nothing may be written anew."""
    made = strategic_estate(tmp_path, postgres_database)
    settings = made.folder / "ardoise.toml"
    settings.write_text(settings.read_text().replace("least = 0", "most = 0"))
    people, _, _ = MAP.partition("  visits:")
    (made.folder / "data_map" / "shop.yaml").write_text((people + GROUPS).replace("SCHEMA", "public."))
    person = "n, 'p' || n || '@acme.example', 'Zephyrine' || n, '06 12 34 56 78', 'Called.', 'Alsace'"
    ended, numbers = "date '2019-02-01' + mod(n, 28)", f"generate_series({MORE[0]}, {MORE[-1]}) AS n"
    made.execute(f"INSERT INTO people SELECT {person}, {ended} FROM {numbers}")
    confirm_maps(made.folder)
    return made


def planned(shop: StrategicEstate) -> Plan:
    plan = make_plan(shop.estate, "SHOP", as_of=NOW.date(), today=NOW.date(), now=NOW, by="tests")
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=30))
    return plan


def run(shop: StrategicEstate, plan: Plan, checkpoint: Callable[[str], None] = lambda _: None) -> RunSummary:
    estate = shop.estate
    return apply(
        estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=(), chunk=7, checkpoint=checkpoint
    )


def numbered(shop: StrategicEstate) -> int:
    """How many rows the work table has numbered."""
    (name,) = working(shop)
    return sum(row["ardoise_number"] is not None for row in shop.rows(f"ardoise.{name}"))


def working(shop: StrategicEstate) -> list[str]:
    engine = sa.create_engine(shop.admin, poolclass=sa.NullPool)
    return [each for each in sa.inspect(engine).get_table_names(schema="ardoise") if each.startswith("work_")]


def hidden(shop: StrategicEstate, *, others: Collection[int] | None = ()) -> Counter[Any]:
    """The cells of who is nobody by now: everybody who was due, but for some, who may be unknown."""
    rows = {row["id"]: row for row in shop.rows("people")}
    nobody = {number for number, row in rows.items() if row["email"].endswith(".invalid")}
    assert nobody <= DUE if others is None else nobody == DUE & rows.keys() - set(others)
    assert all(NAMES.valid(rows[number]["name"]) and rows[number]["note"] is None for number in nobody)
    marks = Counter(row["record"] for row in shop.rows("ardoise.marks"))
    assert marks == Counter({f"[{number}]": 4 for number in nobody})
    return Counter(str(rows[number]["ended"]) for number in nobody)


class Stopped(Exception):
    """The run ends here."""


@pytest.mark.parametrize(("point", "nth"), [("placed", 1), ("mid_batch", 2), ("before_commit", 3), ("committed", 2)])
def test_a_run_that_ends_anywhere_is_resumed(shop: StrategicEstate, point: str, nth: int) -> None:
    plan, met = planned(shop), Counter[str]()

    def checkpoint(at: str) -> None:
        met[at] += 1
        if at == "placed":
            assert numbered(shop) == len(DUE)
        if met[point] == nth and at == point:
            raise Stopped

    with pytest.raises(Stopped):
        run(shop, plan, checkpoint)
    rows = [row for row in shop.rows("people") if row["email"].endswith(".invalid")]
    assert all(count >= K for count in Counter(row["ended"] for row in rows).values()), "whole groups or none"
    assert run(shop, plan).complete
    assert hidden(shop) == {"2019-01-01": 30, "2019-02-01": 120}
    assert working(shop) == []
    assert [each for each in verify(shop.estate, plan.digest, now=NOW, today=NOW.date()) if not each.passed] == []


def test_who_meddles_meanwhile_is_heard(shop: StrategicEstate) -> None:
    """Of three groups a row goes, is due no more, or comes into another month; two are somebody else's for a while."""
    plan, lock = planned(shop), contextlib.ExitStack()
    other = lock.enter_context(sa.create_engine(shop.admin, poolclass=sa.NullPool).connect())
    held: list[int] = []

    def checkpoint(at: str) -> None:
        if at != "placed" or held:
            return
        (name,) = working(shop)
        groups: dict[int, list[int]] = {}
        for row in shop.rows(f"ardoise.{name}"):
            if row["id"] in MORE:
                groups.setdefault(row["ardoise_group"], []).append(row["id"])
        gone, kept, moved, *rest = (members[0] for members in groups.values())
        held.extend([kept, *rest[:2]])
        shop.execute(
            f"DELETE FROM people WHERE id = {gone}",
            f"UPDATE people SET ended = '2026-05-01' WHERE id = {kept}",
            f"UPDATE people SET ended = '2019-03-01' WHERE id = {moved}",
        )
        other.exec_driver_sql(f"SELECT * FROM people WHERE id IN ({rest[0]}, {rest[1]}) FOR UPDATE")

    with lock:
        first = run(shop, plan, checkpoint)
        assert not first.complete
        assert min(hidden(shop, others=None).values()) >= K
        assert all(not row["email"].endswith(".invalid") for row in shop.rows("people") if row["id"] in held)
    assert run(shop, plan).complete
    cells = hidden(shop, others=held[:1])
    assert min(cells.values()) >= K
    assert {cell for cell in cells if cell.startswith("2019-03")} == set(), "one person in March is no cell"
    failed = [each for each in verify(shop.estate, plan.digest, now=NOW, today=NOW.date()) if not each.passed]
    assert {each.expectation for each in failed} <= {EQUAL, UNTOUCHED}, "somebody else has written too"


def test_a_hold_that_is_opened_while_groups_are_written_keeps_what_it_covers(shop: StrategicEstate) -> None:
    plan, opened = planned(shop), Counter[str]()

    def checkpoint(at: str) -> None:
        opened[at] += 1
        if at == "mid_batch" and opened[at] == 2:
            with contextlib.closing(shop.estate.engine()) as engine:
                scope = HoldScope(store="shop", dataset="people")
                engine.holds.open("case", scope, since=NOW.date(), by="legal", at=NOW)

    run(shop, plan, checkpoint)
    nobody = [row for row in shop.rows("people") if row["email"].endswith(".invalid")]
    assert 0 < len(nobody) < len(DUE)
    assert min(Counter(row["ended"] for row in nobody).values()) >= K
    assert len(shop.rows("ardoise.marks")) == 4 * len(nobody)
