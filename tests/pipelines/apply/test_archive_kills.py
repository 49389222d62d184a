"""A worker that is killed around a move to the archive, or a departure from it, loses and doubles nothing."""

from __future__ import annotations

import datetime as dt
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from apply_states import receipts, worker
from archive_estate import AS_OF, ENGINES, Addresses, ArchiveEstate, archive_estate, planned, run
from fixtures_mariadb import MariaServer, fresh_archive, fresh_mariadb
from fixtures_postgres import fresh_database

from connectors.sql.archive import ID
from pipelines.apply import apply
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.plan.artefact import Plan

pytestmark = pytest.mark.slow

TABLES = ("customers", "contracts", "payments")
POINTS = [
    ("sqlite", "mid_batch", 1), ("sqlite", "before_commit", 8),
    ("postgresql", "intent", 1), ("postgresql", "mid_batch", 4), ("postgresql", "after_commit", 2),
    ("mariadb", "intent", 2), ("mariadb", "mid_batch", 8), ("mariadb", "before_commit", 4), ("mariadb", "committed", 2),
]  # fmt: skip
"""With one record per chunk: 1 and 2 are payments that move, 4 and 5 contracts, 8 and 9 fields of customers."""


def state(books: ArchiveEstate, plan: Plan) -> dict[str, Any]:
    """Everything that has to be equal after an interrupted and an undisturbed run."""
    found: dict[str, Any] = {table: books.active(table) for table in TABLES}
    for table in TABLES:
        rows = books.archived(table)
        assert len({row[ID] for row in rows}) == len(rows)
        found[f"archived {table}"] = [{k: v for k, v in row.items() if k not in {ID, "ardoise_plan"}} for row in rows]
        for row in found[f"archived {table}"]:  # keyed digests: each estate has a key of its own
            for name in [each for each in row if each.startswith(("ardoise_link", "ardoise_record"))]:
                row[name] = row[name] is not None
    place = "ardoise." if books.addresses.admin.startswith("postgresql") else "ardoise_"
    done: Counter[str] = Counter()
    for row in books.active(f"{place}journal"):
        done[row["step"]] += row["done"]
    marks = sorted((row["scope"], row["record"]) for row in books.active(f"{place}marks"))
    totals: Counter[tuple[str, str]] = Counter()
    for table in ("pending", "released"):
        for row in books.active(f"{place}{table}"):
            totals[row["statistic"], row["cell"]] += row["n"]
    return found | {"journal": done, "marks": marks, "statistics": totals, "receipts": receipts(books, plan)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, mariadb_server: MariaServer
) -> dict[str, Any]:
    """What a run without interruption leaves, on each engine."""
    found = {}
    files = tmp_path_factory.mktemp("files")
    with (
        fresh_database(postgres_server) as database,
        fresh_mariadb(mariadb_server) as maria,
        fresh_archive(mariadb_server, maria) as archive,
    ):
        addresses = {
            "sqlite": Addresses.of_files(files),
            "postgresql": Addresses.of_database(postgres_server, database),
            "mariadb": Addresses.of_mariadb(maria, archive),
        }
        for kind in ENGINES:
            books = archive_estate(tmp_path_factory.mktemp(kind) / "estate", addresses[kind])
            plan = run(books, chunk=1)
            found[kind] = state(books, plan)
    return found


@pytest.fixture
def books(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveEstate:
    return archive_estate(tmp_path / "estate", Addresses.of(kind, request, tmp_path))


@pytest.mark.parametrize(("kind", "point", "occurrence"), POINTS)
def test_a_worker_killed_around_a_move_is_resumed(
    books: ArchiveEstate, kind: str, undisturbed: dict[str, Any], point: str, occurrence: int
) -> None:
    plan = planned(books)
    died = worker(books, plan, "--chunk", "1", point=point, occurrence=occurrence)  # type: ignore[arg-type]
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    noon = dt.datetime.combine(AS_OF, dt.time(12), dt.UTC)
    summary = apply(books.estate, plan.digest, now=noon, today=AS_OF, actor="tests", retries=(), chunk=1)
    assert summary.complete
    assert state(books, plan) == undisturbed[kind]


@pytest.mark.parametrize(
    ("kind", "point"), [("sqlite", "before_commit"), ("postgresql", "after_commit"), ("mariadb", "mid_batch")]
)
def test_a_worker_killed_while_records_leave_the_archive_is_resumed(
    books: ArchiveEstate, kind: str, point: str
) -> None:
    run(books)
    day = dt.date(2030, 4, 1)
    plan = planned(books, day)
    leaving = [step.id for step in plan.steps if step.id.endswith(".leave")]
    assert len(leaving) == len(TABLES)
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    died = worker(books, plan, "--chunk", "1", "--now", noon.isoformat(), point=point, occurrence=4)  # type: ignore[arg-type]
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    summary = apply(books.estate, plan.digest, now=noon, today=day, actor="tests", retries=(), chunk=1)
    assert summary.complete
    assert [books.archived(table) for table in TABLES] == [[], [], []]
    assert [row["id"] for row in books.active("customers")] == [4]
