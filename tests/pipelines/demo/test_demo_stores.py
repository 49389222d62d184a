"""The four stores, started for real, and the estate that is connected to them."""

from __future__ import annotations

import imaplib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from pipelines.demo.presence import present
from pipelines.demo.probes import Probe, add_probes
from pipelines.demo.stores import DemoStores
from pipelines.demo.truth import records


@pytest.fixture(scope="module")
def small_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStores]:
    with DemoStores(tmp_path_factory.mktemp("demo stores"), scale=0.02) as stores:
        yield stores


@pytest.fixture(scope="module")
def probes(small_stores: DemoStores) -> tuple[Probe, ...]:
    return add_probes(small_stores)


def _url(stores: DemoStores, name: str) -> str:
    return (stores.estate / "connections" / name).read_text().strip()


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool)


def test_the_crm_holds_what_was_generated(small_stores: DemoStores) -> None:
    with _engine(_url(small_stores, "crm.read")).connect() as connection:
        for name, _, rows in small_stores.company.crm.tables():
            assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) >= len(rows)


def test_the_reading_role_may_write_temporary_tables_only(small_stores: DemoStores) -> None:
    with _engine(_url(small_stores, "crm.read")).connect() as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE evidence (digest text)"))
        connection.commit()
        for statement in ("DELETE FROM contacts", "CREATE SCHEMA ardoise", "CREATE TABLE public.mine (id int)"):
            with pytest.raises(sa.exc.ProgrammingError):
                connection.execute(sa.text(statement))
            connection.rollback()


def test_the_writing_role_keeps_a_schema_that_the_reading_role_sees(small_stores: DemoStores) -> None:
    with _engine(_url(small_stores, "crm.write")).begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA probe"))
        connection.execute(sa.text("CREATE TABLE probe.journal (id int)"))
    with _engine(_url(small_stores, "crm.read")).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM probe.journal")) == 0
    with _engine(_url(small_stores, "crm.write")).begin() as connection:
        connection.execute(sa.text("DROP SCHEMA probe CASCADE"))


def test_billing_enforces_its_foreign_keys(small_stores: DemoStores) -> None:
    with sqlite3.connect(small_stores.billing) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM customers")
        connection.rollback()
    connection.close()


def test_the_mailbox_serves_every_message(small_stores: DemoStores) -> None:
    url = urlsplit(_url(small_stores, "mail.read"))
    with imaplib.IMAP4(url.hostname or "", url.port or 0) as client:
        client.login(unquote(url.username or ""), unquote(url.password or ""))
        found = sum(
            int(client.select(f'"{folder}"', readonly=True)[1][0] or 0)
            for folder in {each.folder for each in small_stores.company.mails}
        )
    assert found >= len(small_stores.company.mails)


def test_the_calendar_reader_reads_and_does_not_write(small_stores: DemoStores) -> None:
    url = httpx.URL(_url(small_stores, "calendar.read")).join("rendez-vous/event-000001.ics")
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert "BEGIN:VEVENT" in answer.text
    assert httpx.delete(url).status_code == 403
    assert httpx.get(url).status_code == 200


def test_connection_strings_are_readable_by_their_owner_alone(small_stores: DemoStores) -> None:
    files = [*(small_stores.estate / "connections").iterdir(), small_stores.folder / "passwords.json"]
    assert len(files) == 9
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in files)


def test_canaries_are_in_every_store_at_first(small_stores: DemoStores) -> None:
    canaries = small_stores.canaries
    tables = {hit.place for hit in canaries.search_sql(_url(small_stores, "crm.read"))}
    assert tables >= {"public.contacts", "public.notes", "public.interactions", "public.consents", "public.web_logs"}
    assert canaries.search_sql(_url(small_stores, "billing.read"))
    assert all(canaries.search_files(folder) for folder in small_stores.data_folders)


def test_the_estate_itself_bears_no_canary(small_stores: DemoStores) -> None:
    assert not small_stores.canaries.search_files(small_stores.estate)


def test_what_is_present_is_what_was_generated_and_the_probes(
    small_stores: DemoStores, probes: tuple[Probe, ...]
) -> None:
    generated = {truth.identity for truth in records(small_stores.company)}
    assert present(small_stores) == generated | {probe.identity for probe in probes}


def test_probes_are_seven_due_and_seven_not(probes: tuple[Probe, ...]) -> None:
    assert sum(probe.due for probe in probes) == 7
    assert len({probe.identity for probe in probes}) == 14
    assert {probe.identity.store for probe in probes} == {"crm", "billing", "mail", "calendar"}


@pytest.mark.slow
def test_a_second_start_finds_the_stores_as_they_were_left(tmp_path: Path) -> None:
    with DemoStores(tmp_path / "stores", scale=0.01) as first:
        with _engine(first.crm_admin).begin() as connection:
            connection.execute(sa.text("DELETE FROM web_logs"))
        seed = first.seed
    with DemoStores(tmp_path / "stores") as again:
        assert (again.seed, again.scale) == (seed, 0.01)
        with _engine(again.crm_admin).connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM web_logs")) == 0


@pytest.mark.slow
def test_detached_stores_outlive_the_process_and_are_stopped_from_another(tmp_path: Path) -> None:
    folder = tmp_path / "detached stores"
    script = (
        "import sys; from pathlib import Path; from pipelines.demo.stores import DemoStores; "
        "DemoStores(Path(sys.argv[1]), scale=0.01, detached=True).start()"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, cwd=Path(__file__).parents[3])
    found = DemoStores(folder, detached=True)
    try:
        assert all(server.running for server in (found.postgres, found.imap, found.caldav))
    finally:
        found.stop()
    assert not any(server.running for server in (found.postgres, found.imap, found.caldav))
