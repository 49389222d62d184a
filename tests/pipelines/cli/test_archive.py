"""`ardoise archive`: nothing is shown without a motive, and nothing before the ledger has it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from archive_estate import AS_OF, Addresses, ArchiveEstate, archive_estate, run
from command_line import ardoise, inside
from documentation import blocks
from running import noon

from pipelines.archives.motives import Motive
from pipelines.archives.reading import Request, accesses, read_archive
from pipelines.engine import entries
from pipelines.errors import UsageError
from pipelines.estate.config import StoreConfig


@pytest.fixture
def books(tmp_path: Path) -> ArchiveEstate:
    return archive_estate(tmp_path / "estate", Addresses.of_files(tmp_path))


@pytest.mark.slow
def test_archived_records_are_shown_for_a_motive_that_the_ledger_keeps(books: ArchiveEstate) -> None:
    run(books)
    words = (
        "archive",
        "read",
        "shop",
        "payments",
        "1",
        "--motive",
        "litigation",
        "--case",
        "Dupont 7",
        "--by",
        "lawyer",
    )
    shown = ardoise(*words, "--by", "lawyer", cwd=books.folder)
    assert json.loads(shown.out) == {
        "id": 1, "pan": "4970100000000001", "expiry": "12/29", "archived_on": "2026-06-30",
    }  # fmt: skip
    listed = ardoise("archive", "accesses", "--case", "dupont 7", cwd=books.folder)
    assert "lawyer" in listed.words
    assert "litigation" in listed.words
    raw = ardoise("ledger", "show", "--kind", "archive_access", cwd=books.folder).out
    assert json.loads(raw)["body"] | {"case": "", "record": ""} == {
        "store": "shop", "dataset": "payments", "motive": "litigation", "narrow": True, "count": 1, "by": "lawyer",
        "case": "", "record": "",
    }  # fmt: skip
    assert "dupont" not in raw.lower()


@pytest.mark.slow
def test_nothing_held_is_an_answer_and_an_access(books: ArchiveEstate) -> None:
    run(books)
    gone = ardoise("archive", "read", "shop", "payments", "2", "--motive", "subject_request", cwd=books.folder)
    assert gone.out.strip() == "Nothing is held."
    engine = books.estate.engine()
    assert [each.count for each in accesses(books.estate, engine)] == [0]
    engine.close()


def test_without_a_motive_nothing_is_read(books: ArchiveEstate) -> None:
    refused = ardoise("archive", "read", "shop", "payments", cwd=books.folder, expect=2)
    assert "--motive" in refused.err
    ardoise("archive", "read", "shop", "payments", "--motive", "curiosity", cwd=books.folder, expect=2)


def test_the_ledger_has_the_access_before_a_record_can_be_taken(books: ArchiveEstate) -> None:
    engine = books.estate.engine()
    request = Request("shop", "payments", Motive.AUTHORITY, "dpo")
    with read_archive(books.estate, engine, request, at=noon(AS_OF)) as (count, rows):
        assert [(each.by, each.motive, each.narrow) for each in accesses(books.estate, engine)] == [
            ("dpo", Motive.AUTHORITY, False)
        ]
        assert (count, list(rows)) == (0, [])
    engine.close()


def test_who_saw_a_record_is_found_by_its_key_which_the_ledger_does_not_have(books: ArchiveEstate) -> None:
    engine = books.estate.engine()
    for by, dataset, key in (
        ("all", "customers", ()), ("one", "customers", ("4711",)), ("other", "customers", ("12",)),
        ("elsewhere", "payments", ("4711",)),
    ):  # fmt: skip
        request = Request("shop", dataset, Motive.SUBJECT_REQUEST, by, key=key)
        with read_archive(books.estate, engine, request, at=noon(AS_OF)) as (count, _):
            assert count == 0
    found = accesses(books.estate, engine, store="shop", dataset="customers", key=("4711",))
    assert [each.by for each in found] == ["all", "one"]
    assert [each.by for each in accesses(books.estate, engine, dataset="payments")] == ["elsewhere"]
    assert all("4711" not in json.dumps(entry.body) for entry in engine.ledger.entries("archive_access"))
    with pytest.raises(UsageError, match="lies in a dataset"):
        list(accesses(books.estate, engine, key=("4711",)))
    engine.close()


@pytest.mark.parametrize(
    ("store", "dataset", "key", "what"),
    [
        ("shop", "invoices", (), "there is no dataset shop.invoices"),
        ("crm", "payments", (), "there is no dataset crm.payments"),
        ("shop", "payments", ("1", "2"), "the key of payments has 1 parts"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(
    books: ArchiveEstate, store: str, dataset: str, key: tuple[str, ...], what: str
) -> None:
    engine = books.estate.engine()
    request = Request(store, dataset, Motive.ACCOUNTING, "dpo", key=key)
    with pytest.raises(UsageError, match=what), read_archive(books.estate, engine, request, at=noon(AS_OF)):
        raise AssertionError("never entered")
    assert list(accesses(books.estate, engine)) == []
    engine.close()


def test_a_store_without_an_archive_says_so(tmp_path: Path) -> None:
    books = archive_estate(tmp_path / "estate", Addresses.of_files(tmp_path), archive=False)
    engine = books.estate.engine()
    request = Request("shop", "payments", Motive.ACCOUNTING, "dpo")
    with (
        pytest.raises(UsageError, match="has no archive"),
        read_archive(books.estate, engine, request, at=noon(AS_OF)),
    ):
        raise AssertionError("never entered")
    engine.close()


# -- check


def test_check_tries_every_archive_and_leaves_nothing(books: ArchiveEstate, tmp_path: Path) -> None:
    said = inside("check", cwd=books.folder).words
    assert "Archives that can be filled, and read by their own role alone: shop." in said
    assert not (tmp_path / "archive.sqlite").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sqlite:///nowhere/archive.sqlite", "shop: the file of its archive cannot be made or written. Let its `read`"),
        ("sqlite:///../shop.sqlite", "shop: its archive is the store's own file. Let its `read` name another."),
        ("", "shop: the file archive.secret is empty ([stores.shop.archive] read). Put the connection string in it."),
    ],
)
def test_check_says_what_is_wrong_with_an_archive_and_where(books: ArchiveEstate, address: str, said: str) -> None:
    (books.folder / "archive.secret").write_text(address)
    lines = (books.folder / "ardoise.toml").read_text().splitlines()
    refused = inside("check", cwd=books.folder, expect=3)
    assert f"ardoise.toml:{lines.index('[stores.shop.archive]') + 1}: {said}" in refused.words


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_check_tries_the_credentials_of_each_role(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    addresses = Addresses.of(kind, request, tmp_path)
    books = archive_estate(tmp_path / "estate", addresses)
    assert "by their own role alone: shop" in inside("check", cwd=books.folder).words
    (books.folder / "archive.secret").write_text(addresses.archive.replace("ardoise_archivist", "nobody_at_all"))
    refused = inside("check", cwd=books.folder, expect=3).words
    assert "its archive's own reading credentials do not open it: it" in refused
    assert "Correct `read` in [stores.shop.archive]" in refused
    (books.folder / "archive.secret").write_text(addresses.read)
    why = {"postgresql": "could read the archive", "mariadb": "the archive's reading role may not read"}[kind]
    assert why in inside("check", cwd=books.folder, expect=3).words
    (books.folder / "archive.secret").write_text(addresses.archive)
    (books.folder / "read.secret").write_text(addresses.write)
    assert "ordinary reading role could read the archive" in inside("check", cwd=books.folder, expect=3).words


def test_the_ledger_knows_the_motives_that_the_command_offers(books: ArchiveEstate) -> None:
    offered = ardoise("archive", "read", "--help", cwd=books.folder).out
    assert {each.value for each in Motive} == set(get_args(entries.Motive))
    assert f"<{'|'.join(Motive)}>" in offered


def test_the_page_shows_a_configuration_that_loads() -> None:
    (block,) = blocks("docs/archive.md", "toml")
    document = tomllib.loads(block.text)
    found = StoreConfig.model_validate({"kind": "sql", "read": "env:CRM_READ", **document["stores"]["crm"]})
    assert found.archive is not None
    assert found.archive.place == "ardoise_archive"
