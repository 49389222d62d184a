"""Whatever the strategy, and wherever a worker is killed in it: the store ends as ranges would have left it."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apply_states import worker
from fixtures_postgres import fresh_database
from strategic_estate import StrategicEstate, strategic_estate

from connectors.sql.strategy import Strategy
from pipelines.apply import apply
from pipelines.apply.summary import RunSummary
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.engine import HoldScope
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.report.gather import gather
from pipelines.report.model import Impeded, Way
from pipelines.report.wording import Wording
from pipelines.verify import verify
from retention_rules.policy_table import Language

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
pytestmark = pytest.mark.slow


KINDS = ["sqlite", "postgres"]
Made = Callable[[str, Path], StrategicEstate]


@pytest.fixture(scope="module")
def make(postgres_server: PostgresServer) -> Iterator[Made]:
    """Makes an estate of a kind in a folder, PostgreSQL's in a database of its own."""
    with contextlib.ExitStack() as stack:

        def made(kind: str, folder: Path) -> StrategicEstate:
            database = stack.enter_context(fresh_database(postgres_server)) if kind == "postgres" else None
            return strategic_estate(folder, database)

        yield made


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, make: Made, tmp_path: Path) -> StrategicEstate:
    return make(request.param, tmp_path)


@pytest.fixture
def postgres(make: Made, tmp_path: Path) -> StrategicEstate:
    return make("postgres", tmp_path)


@pytest.fixture(scope="module")
def in_ranges(make: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By kind, what an undisturbed run leaves when nothing may be written anew or emptied."""
    return {kind: _in_ranges(make(kind, tmp_path_factory.mktemp(kind))) for kind in KINDS}


def _in_ranges(shop: StrategicEstate) -> dict[str, Any]:
    text = (shop.folder / "ardoise.toml").read_text().replace("least = 0", "most = 0")
    (shop.folder / "ardoise.toml").write_text(text)
    if shop.parted:
        shop.execute("CREATE RULE none AS ON UPDATE TO logs DO ALSO NOTHING")
    plan = planned(shop)
    assert set(strategies(plan).values()) == {Strategy.RANGES}
    assert run(shop, plan).complete
    return shop.state()


def planned(shop: StrategicEstate) -> Plan:
    plan = make_plan(shop.estate, "SHOP", as_of=NOW.date(), today=NOW.date(), now=NOW, by="tests")
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by="dpo", at=NOW, expires=NOW + dt.timedelta(days=30))
    return plan


def run(shop: StrategicEstate, plan: Plan, **options: Any) -> RunSummary:
    return apply(shop.estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=(), chunk=7, **options)


def strategies(plan: Plan) -> dict[str, Strategy | None]:
    return {step.dataset: step.strategy for step in plan.steps}


def told(shop: StrategicEstate, plan: Plan) -> list[tuple[str, str, str, int]]:
    """What the receipts say of strategies: the step's dataset, strategy, obstacle, and how many records."""
    with contextlib.closing(shop.estate.engine()) as engine:
        assert engine.ledger.verify() == []
        bodies = [each.body for each in engine.ledger.entries("receipt") if each.body["plan"] == plan.digest]
    return [
        (each["dataset"], each["strategy"], each.get("obstacle", ""), sum(each["outcomes"].values()))
        for each in bodies
        if "strategy" in each
    ]


EXPECTED = {"people": {"anonymised": 30}, "visits": {"deleted": 30}, "logs": {"deleted": 30}}


def test_each_table_gets_the_strategy_that_fits_and_ends_as_it_must(shop: StrategicEstate) -> None:
    plan = planned(shop)
    chosen = {"people": Strategy.REWRITE, "visits": Strategy.REWRITE}
    assert strategies(plan) == chosen | ({"logs": Strategy.DROP_PARTITION} if shop.parted else {})
    assert Plan.from_document(plan.document()).digest == plan.digest
    summary = run(shop, plan)
    assert summary.complete
    done = {step.dataset: dict(step.outcomes) for step in summary.steps}
    assert done == {name: outcomes for name, outcomes in EXPECTED.items() if name in done}
    by_strategy = {(dataset, strategy) for dataset, strategy, _, _ in told(shop, plan)}
    expected = {("people", "rewrite"), ("visits", "rewrite")}
    if shop.parted:
        expected |= {("logs", "drop_partition"), ("logs", "ranges")}
        assert shop.value("SELECT count(*) AS value FROM pg_inherits WHERE inhparent = 'logs'::regclass") == 3
        assert shop.value("SELECT pg_relation_size('logs_2023') AS value") == 0
    assert by_strategy == expected
    state = shop.state()
    assert all(row["email"] is True and row["name"] is True and row["note"] is None for row in state["people"][:30])
    assert [row["id"] for row in state["visits"]] == list(range(31, 41))
    assert run(shop, plan).nothing_to_do
    findings = verify(shop.estate, plan.digest, now=NOW, today=NOW.date())
    assert [each for each in findings if not each.passed] == []
    assert not planned(shop).steps


def test_every_strategy_leaves_what_ranges_leave(shop: StrategicEstate, in_ranges: dict[str, dict[str, Any]]) -> None:
    assert run(shop, planned(shop)).complete
    assert shop.state() == in_ranges[KINDS[shop.parted]]


KILLS = [
    ("sqlite", "mid_batch", 1), ("sqlite", "swapped", 2), ("sqlite", "before_commit", 1), ("sqlite", "after_commit", 2),
    ("postgres", "mid_batch", 1), ("postgres", "swapped", 1), ("postgres", "intent", 2), ("postgres", "swapped", 2),
    ("postgres", "before_commit", 3), ("postgres", "after_commit", 1), ("postgres", "after_commit", 3),
    ("postgres", "closed", 1), ("postgres", "settled", 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "point", "occurrence"), KILLS)
def test_a_worker_killed_in_any_strategy_is_resumed(
    kind: str, point: str, occurrence: int, make: Made, tmp_path: Path, in_ranges: dict[str, dict[str, Any]]
) -> None:
    shop = make(kind, tmp_path)
    plan = planned(shop)
    died = worker(shop, plan, "--chunk", "7", "--now", NOW.isoformat(), point=point, occurrence=occurrence)  # type: ignore[arg-type]
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    assert run(shop, plan).complete
    assert shop.state() == in_ranges[kind]
    assert run(shop, plan).nothing_to_do
    if shop.parted:
        assert shop.value("SELECT count(*) AS value FROM pg_class WHERE starts_with(relname, 'ardoise_rewrite')") == 0


_QUIET = "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
OBSTACLES: dict[str, tuple[str, str, str]] = {
    "foreign_keys": ("CREATE TABLE orders (person INTEGER REFERENCES people (id))", "people", "rewrite"),
    "triggers": (
        f"CREATE TRIGGER watch BEFORE UPDATE ON people {_QUIET}",
        "people", "rewrite",
    ),
    "dependents": ("CREATE VIEW seen_visits AS SELECT id FROM visits", "visits", "rewrite"),
    "publications": ("CREATE PUBLICATION everything FOR TABLE visits", "visits", "rewrite"),
    "row_security": ("CREATE POLICY mine ON visits", "visits", "rewrite"),
    "rules": ("CREATE RULE twice AS ON UPDATE TO logs DO ALSO NOTHING", "logs", "drop_partition"),
}  # fmt: skip


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_stands_in_the_way_is_in_the_plan_with_its_reason(name: str, postgres: StrategicEstate) -> None:
    statement, dataset, strategy = OBSTACLES[name]
    free = {(step.dataset, each.strategy.value) for step in planned(postgres).steps for each in step.declined}
    postgres.execute(statement)
    plan = planned(postgres)
    declined = {(step.dataset, each.strategy.value): each.reason for step in plan.steps for each in step.declined}
    assert all(Wording(Language.FRENCH).said(each) for each in declined.values())
    assert set(declined) - free == {(dataset, strategy)} | ({("logs", "rewrite")} if dataset == "logs" else set())
    assert run(postgres, plan).complete


@pytest.mark.parametrize("name", [each for each in OBSTACLES if each not in {"triggers", "foreign_keys"}])
def test_what_comes_in_the_way_after_the_plan_leads_to_ranges_and_the_receipt_says_so(
    name: str, postgres: StrategicEstate
) -> None:
    statement, dataset, strategy = OBSTACLES[name]
    plan = planned(postgres)
    postgres.execute(statement)
    summary = run(postgres, plan)
    assert summary.complete
    said = told(postgres, plan)
    assert (dataset, strategy, name, 0) in said
    assert sum(count for where, how, _, count in said if (where, how) == (dataset, "ranges")) == 30
    (step,) = (each for each in summary.steps if each.dataset == dataset)
    assert step.unfit
    (done,) = (each for each in gather(postgres.estate, plan.digest, now=NOW).done if each.dataset == dataset)
    assert done.impeded == (Impeded(strategy, name),)
    assert done.ways == (Way("ranges", 30),)
    others = {(where, how) for where, how, why, _ in said if where != dataset and not why}
    assert {("people", "rewrite"), ("visits", "rewrite")} - {(dataset, "rewrite")} <= others


def test_a_reader_that_does_not_end_leads_to_ranges(postgres: StrategicEstate) -> None:
    """Somebody has read the table in a transaction that stays open: the swap does not wait for it for ever."""
    plan = planned(postgres)
    with sa.create_engine(postgres.admin, poolclass=sa.NullPool).connect() as other:
        other.exec_driver_sql("SELECT count(*) FROM visits")
        summary = run(postgres, plan)
    assert summary.complete
    assert ("visits", "rewrite", "lock", 0) in told(postgres, plan)
    assert [row["id"] for row in postgres.rows("visits")] == list(range(31, 41))


def test_a_fact_that_arrives_before_the_lock_counts(shop: StrategicEstate) -> None:
    plan = planned(shop)

    def arrive(point: str) -> None:
        if point == "intent" and not shop.state()["marks"]:
            shop.execute("UPDATE visits SET seen = '2026-05-01' WHERE id = 3")

    shop.execute("UPDATE people SET ended = '2026-05-01' WHERE id = 4")
    summary = run(shop, plan, checkpoint=once(arrive))
    assert summary.complete
    outcomes = {step.dataset: dict(step.outcomes) for step in summary.steps}
    assert outcomes["visits"] == {"deleted": 29, "stale": 1}
    assert outcomes["people"] == {"anonymised": 29, "stale": 1}
    assert shop.rows("people")[3]["name"] == "Zephyrine4"
    assert shop.rows("visits")[0]["id"] == 3


def test_a_hold_that_is_opened_while_a_table_is_copied_counts(postgres: StrategicEstate) -> None:
    plan = planned(postgres)

    def hold(point: str) -> None:
        if point == "mid_batch":
            with contextlib.closing(postgres.estate.engine()) as engine:
                engine.holds.open(
                    "case", HoldScope(store="shop", dataset="people"), since=NOW.date(), by="legal", at=NOW
                )

    before = postgres.rows("people")
    run(postgres, plan, checkpoint=once(hold, "mid_batch"))
    assert postgres.rows("people") == before


def test_a_partition_of_which_a_row_is_not_due_any_more_goes_in_ranges(postgres: StrategicEstate) -> None:
    plan = planned(postgres)
    moved: list[str] = []

    def move(point: str) -> None:
        if point != "intent" or moved:
            return
        with contextlib.closing(postgres.estate.engine()) as engine:
            last = list(engine.ledger.entries("intent"))[-1].body["dataset"]
        if last == "logs":
            moved.append(point)
            postgres.execute("UPDATE logs SET seen = '2026-05-01' WHERE id = 3")

    summary = run(postgres, plan, checkpoint=move)
    (step,) = (each for each in summary.steps if each.dataset == "logs")
    assert dict(step.outcomes) == {"deleted": 29, "stale": 1}
    assert ("logs", "drop_partition", "not_whole", 0) in told(postgres, plan)
    assert 3 in {row["id"] for row in postgres.rows("logs")}


def test_marks_without_an_index_get_it_before_anything_is_looked_at_again(postgres: StrategicEstate) -> None:
    plan = planned(postgres)
    marks = (
        "SELECT {} AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_index i ON i.indrelid = c.oid "
        "WHERE n.nspname = 'ardoise' AND left(c.relname, 6) = 'marks_' AND c.relkind = 'r'"
    )

    def counted() -> tuple[int, int]:
        return postgres.value(marks.format("count(*)")), postgres.value(marks.format("count(i.indexrelid)"))

    left: list[tuple[int, int]] = []

    def stop(point: str) -> None:
        if point == "after_commit" and counted()[0]:
            left.append(counted())
            raise Stopped

    def look(point: str) -> None:
        if point == "intent":
            left.append(counted())

    with pytest.raises(Stopped):
        run(postgres, plan, checkpoint=stop)
    assert run(postgres, plan, checkpoint=look).complete
    assert left[0][0] > left[0][1], "the step has not ended"
    assert left[1][0] == left[1][1]
    assert counted()[0] == counted()[1]


class Stopped(Exception):
    """The run ends here."""


def once(act: Callable[[str], None], point: str = "intent") -> Callable[[str], None]:
    """Do something when a point is reached first."""
    met: list[str] = []

    def checkpoint(reached: str) -> None:
        if reached == point and not met:
            met.append(reached)
            act(reached)

    return checkpoint
