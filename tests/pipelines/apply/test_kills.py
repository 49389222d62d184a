"""A worker that is killed anywhere, and resumed, leaves the stores as an undisturbed run leaves them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apply_states import planned, receipts, state, worker
from estates import NOW, SmallEstate, small_estate
from fixtures_items import MailAccount
from fixtures_postgres import PostgresDatabase, fresh_database

from connectors.errors import StoreDown
from pipelines.apply import apply
from pipelines.demo.servers.imap import ImapServer
from pipelines.demo.servers.postgres import PostgresServer

pytestmark = pytest.mark.slow

ROW_POINTS = [
    ("sqlite", "intent", 1), ("sqlite", "mid_batch", 4), ("sqlite", "after_commit", 1), ("sqlite", "closed", 3),
    ("sqlite", "settled", 2), ("sqlite", "released", 1),
    ("postgresql", "intent", 7), ("postgresql", "mid_batch", 6), ("postgresql", "before_commit", 9),
    ("postgresql", "after_commit", 6), ("postgresql", "committed", 11), ("postgresql", "closed", 3),
]  # fmt: skip
"""Chunks 1 to 4 are of the billing file, the rest of the CRM."""

ITEM_POINTS = [("intent", 5), ("after_append", 1), ("after_store", 1), ("after_store", 2), ("acted", 1), ("acted", 2)]


def urls(database: PostgresDatabase) -> tuple[str, str, str]:
    return database.admin, database.read, database.write


def run(small: SmallEstate, digest: str, **options: Any) -> Any:
    return apply(small.estate, digest, now=NOW, today=NOW.date(), actor="tests", retries=(), chunk=3, **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> dict[str, Any]:
    """What a run without interruption leaves, over SQLite and over PostgreSQL."""
    found = {}
    with fresh_database(postgres_server) as database:
        for kind, crm in (("sqlite", None), ("postgresql", urls(database))):
            small = small_estate(tmp_path_factory.mktemp(kind) / "estate", crm)
            plan = planned(small)
            assert run(small, plan.digest).complete
            found[kind] = state(small, plan)
    return found


@pytest.fixture
def small(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> SmallEstate:
    crm = urls(request.getfixturevalue("postgres_database")) if kind == "postgresql" else None
    return small_estate(tmp_path / "estate", crm)


@pytest.mark.parametrize(("kind", "point", "occurrence"), ROW_POINTS)
def test_a_worker_killed_while_it_acts_on_rows_is_resumed(
    small: SmallEstate, kind: str, undisturbed: dict[str, Any], point: str, occurrence: int
) -> None:
    plan = planned(small)
    died = worker(small, plan, point=point, occurrence=occurrence)
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    assert (small.folder / "marker").read_text() == f"{point} {occurrence}"
    assert not (small.folder / "ardoise").exists()
    resumed = worker(small, plan)
    output, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    assert "nothing=False" in output
    assert state(small, plan) == undisturbed[kind]
    assert run(small, plan.digest).nothing_to_do


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_worker_killed_again_and_again_gets_there(small: SmallEstate, kind: str, undisturbed: dict[str, Any]) -> None:
    plan = planned(small)
    for point in ("intent", "mid_batch", "after_commit", "before_commit", "committed", "intent"):
        died = worker(small, plan, point=point)
        died.communicate(timeout=120)
        assert died.returncode == -signal.SIGKILL
    assert run(small, plan.digest).complete
    assert state(small, plan) == undisturbed[kind]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_workers_at_once_act_once(small: SmallEstate, kind: str, undisturbed: dict[str, Any]) -> None:
    plan = planned(small)
    both = [worker(small, plan) for _ in range(2)]
    ended = [(each.communicate(timeout=120), each.returncode) for each in both]
    assert {code for _, code in ended} <= {0, 4}, ended
    assert 0 in {code for _, code in ended}
    assert state(small, plan) == undisturbed[kind]


@pytest.fixture
def killed_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    yield postgres_server
    postgres_server.start()


@pytest.mark.parametrize(("point", "occurrence"), [("intent", 5), ("mid_batch", 3), ("before_commit", 6)])
def test_a_killed_database_server_loses_nothing(
    postgres_database: PostgresDatabase,
    killed_server: PostgresServer,
    tmp_path: Path,
    undisturbed: dict[str, Any],
    point: str,
    occurrence: int,
) -> None:
    small = small_estate(tmp_path / "estate", urls(postgres_database))
    plan = planned(small)
    run_dry = counted(point, occurrence, killed_server.kill)
    with pytest.raises(StoreDown):
        run(small, plan.digest, checkpoint=run_dry, stores=["crm"])
    with pytest.raises(StoreDown):
        run(small, plan.digest)
    killed_server.start()
    assert run(small, plan.digest).complete
    assert state(small, plan) == undisturbed["postgresql"]


def test_a_server_that_comes_back_in_time_is_tried_again(
    postgres_database: PostgresDatabase, killed_server: PostgresServer, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    small = small_estate(tmp_path / "estate", urls(postgres_database))
    plan = planned(small)
    waited = []

    def progress(_stage: str, _done: int, _total: int | None = None, detail: str = "") -> None:
        if detail == "waiting for the store":
            waited.append(detail)
            killed_server.start()

    summary = apply(
        small.estate, plan.digest, now=NOW, today=NOW.date(), actor="tests", retries=(0.0, 0.1), chunk=3,
        checkpoint=counted("mid_batch", 6, killed_server.kill), progress=progress,
    )  # fmt: skip
    assert summary.complete
    assert waited
    assert state(small, plan) == undisturbed["postgresql"]


def counted(point: str, occurrence: int, act: Callable[[], None]) -> Callable[[str], None]:
    """Do something when a point is reached for the n-th time."""
    met = 0

    def checkpoint(reached: str) -> None:
        nonlocal met
        met += reached == point
        if reached == point and met == occurrence:
            act()

    return checkpoint


# -- mail


@pytest.fixture(scope="module")
def undisturbed_mail(tmp_path_factory: pytest.TempPathFactory, imap_server: ImapServer) -> dict[str, Any]:
    small = small_estate(tmp_path_factory.mktemp("mail") / "estate", mailbox=MailAccount(imap_server, "account290"))
    plan = scanned_and_planned(small)
    assert run(small, plan.digest).complete
    return state(small, plan)


def scanned_and_planned(small: SmallEstate) -> Any:
    from pipelines.scan import scan

    assert all(store.complete for store in scan(small.estate, stores=["mail"], now=NOW).stores)
    return planned(small)


def test_an_undisturbed_run_deletes_and_redacts(undisturbed_mail: dict[str, Any]) -> None:
    assert undisturbed_mail["receipts"]["mail.messages.delete"] == 5
    assert undisturbed_mail["receipts"]["mail.messages.redact"] == 5
    assert len(undisturbed_mail["mail"]) == 10
    text = b"".join(undisturbed_mail["mail"])
    assert not any(f"person{n}@acme.example".encode() in text for n in (1, 3, 5, 7, 9))
    assert all(f"person{n}@acme.example".encode() in text for n in (2, 4, 6, 8, 10))


@pytest.mark.parametrize(("point", "occurrence"), ITEM_POINTS)
def test_a_worker_killed_while_it_acts_on_mail_is_resumed(
    mail_account: MailAccount, tmp_path: Path, undisturbed_mail: dict[str, Any], point: str, occurrence: int
) -> None:
    small = small_estate(tmp_path / "estate", mailbox=mail_account)
    plan = scanned_and_planned(small)
    died = worker(small, plan, point=point, occurrence=occurrence)
    _, errors = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, errors
    assert (small.folder / "marker").read_text() == f"{point} {occurrence}"
    if point == "after_append":  # both copies are there: this is between APPEND and EXPUNGE
        assert len(small.messages()) > 10
    assert run(small, plan.digest).complete
    assert state(small, plan) == undisturbed_mail
    assert receipts(small, plan) == undisturbed_mail["receipts"]
