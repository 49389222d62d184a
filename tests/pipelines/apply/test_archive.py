"""Records move to the archive and leave it by plan and apply; nothing is lost on the way, nothing stays too long."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from archive_estate import AS_OF, ENGINES, Addresses, ArchiveEstate, archive_estate, made, planned, run
from running import noon

from pipelines.engine.holds import HoldScope
from pipelines.errors import UsageError
from pipelines.plan.artefact import Plan
from pipelines.records import record_digest
from pipelines.subjects import subject_digest
from pipelines.verify import verify

pytestmark = pytest.mark.slow


on_every_engine = pytest.mark.parametrize("books", ENGINES, indirect=True)
on_sqlite, on_postgresql, on_mariadb = (pytest.mark.parametrize("books", [each], indirect=True) for each in ENGINES)
"""What the engines' own words are used for is tried on each; what the model says, on one of them in turn."""


@pytest.fixture
def books(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveEstate:
    """The estate over an engine."""
    return archive_estate(tmp_path / "estate", Addresses.of(request.param, request, tmp_path))


def unexplained(books: ArchiveEstate, plan: Plan, day: dt.date = AS_OF) -> list[Any]:
    """What verification finds wrong."""
    findings = verify(books.estate, plan.digest, now=noon(day), today=day)
    return [each for each in findings if not each.passed]


def column(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(str(row[name]) if row[name] is not None else None for name in names) for row in rows]


@on_every_engine
def test_what_only_law_and_claims_keep_moves_to_the_archive(books: ArchiveEstate) -> None:
    plan = run(books)
    assert {step.id: step.count for step in plan.steps} == {
        "shop.payments.archive": 2, "shop.payments.delete": 1, "shop.contracts.archive": 2, "shop.contracts.delete": 1,
        "shop.customers.archive.g0": 2, "shop.customers.delete": 1,
    }  # fmt: skip
    assert column(books.archived("payments"), "id", "pan", "expiry") == [
        ("1", "4970100000000001", "12/29"), ("3", "4970100000000003", "12/29"),
    ]  # fmt: skip
    assert column(books.archived("contracts"), "id", "number") == [("1", "K-1"), ("2", "K-2")]
    assert column(books.archived("customers"), "id", "reference") == [("1", "R-1"), ("2", "R-2")]
    assert column(books.active("payments"), "id") == [("4",)]
    assert column(books.active("contracts"), "id", "number") == [("4", "K-4")]
    assert column(books.active("customers"), "id", "email", "reference") == [
        ("1", "person1@acme.example", None), ("2", "person2@acme.example", None), ("4", "person4@acme.example", "R-4"),
    ]  # fmt: skip
    assert unexplained(books, plan) == []


@on_mariadb
def test_r2_the_archive_has_only_the_fields_that_law_and_claims_need(books: ArchiveEstate) -> None:
    run(books)
    columns = {name: set(books.archived(name)[0]) for name in ("payments", "contracts", "customers")}
    assert not columns["payments"] & {"cvv", "cents", "settled_on"}
    assert not columns["contracts"] & {"terms", "region"} - {"terms"}
    assert all(row["terms"] is None for row in books.archived("contracts"))
    assert all(row["email"] is row["last_name"] is None for row in books.archived("customers"))


@on_sqlite
def test_r7_a_disputed_payment_is_kept_thirteen_months_or_fifteen_and_then_gone(books: ArchiveEstate) -> None:
    run(books)
    last = dt.date(2027, 1, 10)
    run(books, last)
    assert column(books.archived("payments"), "id") == [("1",), ("3",)], "through the last day"
    plan = run(books, last + dt.timedelta(days=1))
    assert column(books.archived("payments"), "id") == [("3",)]
    assert unexplained(books, plan, last + dt.timedelta(days=1)) == []
    plan = run(books, dt.date(2027, 3, 11))
    assert books.archived("payments") == []
    assert [step.id for step in plan.steps if step.dataset == "payments"] == ["shop.payments.leave"]


@on_postgresql
def test_what_has_moved_goes_on_telling_how_long_others_are_kept(books: ArchiveEstate) -> None:
    run(books)
    plan = planned(books, dt.date(2028, 2, 1))
    kept = {each.category: each.kept for each in plan.tallies if each.dataset == "customers" and each.place == "active"}
    assert kept["user.contact.email"] == 3, "the contract's end is in the archive, and counts"
    plan = run(books, dt.date(2028, 2, 2))
    assert column(books.active("customers"), "id") == [("2",), ("4",)]
    assert column(books.archived("customers"), "id", "reference") == [("1", "R-1"), ("2", "R-2")]


@on_every_engine
def test_five_years_after_its_end_nothing_is_left_of_a_contract(books: ArchiveEstate) -> None:
    run(books)
    plan = run(books, dt.date(2030, 4, 1))
    assert books.archived("contracts") == books.archived("customers") == books.archived("payments") == []
    assert column(books.active("customers"), "id") == [("4",)]
    assert unexplained(books, plan, dt.date(2030, 4, 1)) == []


@on_mariadb
def test_running_twice_equals_running_once(books: ArchiveEstate) -> None:
    run(books)
    before = [books.archived(name) for name in ("payments", "contracts", "customers")]
    plan = run(books)
    assert plan.steps == ()
    assert [books.archived(name) for name in ("payments", "contracts", "customers")] == before
    archived = {(each.dataset, each.category): each.archived for each in plan.tallies if each.place == "archive"}
    assert archived["payments", "card.pan"] == 2
    assert archived["contracts", "contract.evidence"] == 2


@on_postgresql
def test_a_hold_keeps_what_is_due_in_the_archive_until_its_release(books: ArchiveEstate) -> None:
    run(books)
    engine = books.estate.engine()
    person = subject_digest(books.estate.key, "SHOP", "email", "person1@acme.example")
    engine.holds.open("C-1", HoldScope(subject=person), since=AS_OF, by="dpo", at=noon(AS_OF))
    engine.close()
    run(books, dt.date(2030, 4, 1))
    assert column(books.archived("payments"), "id", "pan") == [("1", "4970100000000001")]
    assert column(books.archived("contracts"), "id", "number") == [("1", "K-1")]
    engine = books.estate.engine()
    for person in ("dpo", "lawyer"):
        engine.holds.release("C-1", until=dt.date(2030, 4, 2), by=person, at=noon(dt.date(2030, 4, 2)))
    engine.close()
    plan = run(books, dt.date(2030, 4, 2))
    assert books.archived("payments") == books.archived("contracts") == []
    assert column(books.active("customers"), "id") == [("4",)]
    assert unexplained(books, plan, dt.date(2030, 4, 2)) == []


@on_sqlite
def test_a_hold_that_is_opened_while_records_leave_keeps_the_rest_and_is_no_finding(books: ArchiveEstate) -> None:
    run(books)
    day = dt.date(2030, 4, 1)
    reached: list[str] = []

    def meanwhile(point: str) -> None:
        reached.append(point)
        if reached.count("committed") == 1 and point == "committed":
            engine = books.estate.engine()
            engine.holds.open("C-4", HoldScope(store="shop", dataset="payments"), since=day, by="dpo", at=noon(day))
            engine.close()

    plan = run(books, day, chunk=1, checkpoint=meanwhile)
    assert column(books.archived("payments"), "id", "pan") == [
        ("1", "4970100000000001"), ("3", "4970100000000003"),
    ]  # fmt: skip
    assert books.archived("contracts") == []
    assert unexplained(books, plan, day) == []


@on_postgresql
def test_one_record_can_be_held_once_it_is_in_the_archive(books: ArchiveEstate) -> None:
    run(books)
    digest = record_digest(books.estate, "shop", "contracts", ["1"])
    engine = books.estate.engine()
    scope = HoldScope(store="shop", dataset="contracts", record=digest)
    engine.holds.open("C-3", scope, since=AS_OF, by="dpo", at=noon(AS_OF))
    engine.close()
    run(books, dt.date(2030, 4, 1))
    assert column(books.archived("contracts"), "id", "number") == [("1", "K-1")]
    with pytest.raises(UsageError, match="no such record"):
        record_digest(books.estate, "shop", "contracts", ["2"])


@on_mariadb
def test_a_held_record_that_nothing_else_keeps_goes_to_the_archive(books: ArchiveEstate) -> None:
    engine = books.estate.engine()
    engine.holds.open("C-2", HoldScope(store="shop", dataset="payments"), since=AS_OF, by="dpo", at=noon(AS_OF))
    engine.close()
    plan = run(books)
    assert column(books.archived("payments"), "id", "pan") == [(n, f"497010000000000{n}") for n in "123"]
    assert unexplained(books, plan) == []


def found(plan: Plan) -> dict[tuple[str, str], int]:
    """How many records of a dataset have a category, wherever they are."""
    counted: Counter[tuple[str, str]] = Counter()
    for each in plan.tallies:
        counted[each.dataset, each.category] += each.found
    return counted


@on_sqlite
def test_a_record_of_which_a_part_moved_is_one_record(books: ArchiveEstate) -> None:
    before = found(run(books))
    assert before["customers", "contract.evidence"] == 4
    plan = planned(books)
    counted = found(plan)
    assert counted["customers", "contract.evidence"] == counted["customers", "user.contact.email"] == 3
    assert counted["contracts", "contract.evidence"] == 3
    for each in plan.tallies:
        assert each.found == each.kept + each.archived + each.due + each.held + each.undetermined + each.done, each
    engine = books.estate.engine()
    assert [engine.volumes.history("shop", name)[0].records for name in ("customers", "contracts")] == [3, 3]
    engine.close()


@on_postgresql
def test_what_is_acted_on_in_both_places_counts_once_against_the_limits(books: ArchiveEstate) -> None:
    run(books)
    toml = books.folder / "ardoise.toml"
    toml.write_text(toml.read_text().replace("share = 1.0", "share = 1.0\ncount = 2"))
    plan = made(books, dt.date(2030, 4, 1))
    acted = {step.place: step.count for step in plan.steps if step.dataset == "customers"}
    assert acted == {"active": 2, "archive": 2}
    assert plan.refusals == ()


@on_sqlite
def test_what_leaves_the_archive_goes_in_portions_too(books: ArchiveEstate) -> None:
    run(books)
    toml = books.folder / "ardoise.toml"
    toml.write_text(toml.read_text().replace("share = 1.0", "share = 1.0\ncount = 1"))
    day = dt.date(2030, 4, 1)
    assert {each.dataset for each in made(books, day).refusals} == {"payments", "contracts", "customers"}
    left = []
    while (plan := run(books, day, staged=True)).steps:
        assert plan.refusals == ()
        assert {step.count for step in plan.steps} == {1}
        assert unexplained(books, plan, day) == []
        left.append(sorted(f"{step.place} {step.dataset} {step.first_due}" for step in plan.steps))
        assert len(left) < 8, left
    assert left[0] == ["archive payments 2027-01-11"]
    assert [books.archived(table) for table in ("payments", "contracts", "customers")] == [[], [], []]
    assert column(books.active("customers"), "id") == [("4",)]


@on_mariadb
def test_statistics_are_what_they_were(books: ArchiveEstate) -> None:
    run(books)
    with books.estate.connected("shop") as connector:
        gone = connector.journal.tally  # type: ignore[attr-defined]
        with connector.writing() as connection, connection.begin():  # type: ignore[attr-defined]
            regions = gone.totals(connection, "contracts", "contracts")
            turnover = gone.totals(connection, "payments", "turnover")
    assert sum(each.n for each in regions.values()) == 3
    assert {cell: (each.n, int(each.total)) for cell, each in turnover.items()} == {"[]": (3, 600)}


def test_without_an_archive_they_are_counted_and_stay(tmp_path: Path) -> None:
    books = archive_estate(tmp_path / "estate", Addresses.of_files(tmp_path), archive=False)
    plan = planned(books)
    assert not any("archive" in step.id for step in plan.steps)
    assert any("shop has no archive" in each for each in plan.warnings)


@on_mariadb
def test_what_is_open_or_unknown_stays_where_it_is(books: ArchiveEstate) -> None:
    books.execute("UPDATE payments SET deferred = NULL WHERE id = 1")
    books.execute("UPDATE payments SET debited_on = NULL WHERE id = 3")
    plan = run(books)
    assert books.archived("payments") == []
    assert column(books.active("payments"), "id") == [("1",), ("3",), ("4",)]
    assert unexplained(books, plan) == []


@on_every_engine
def test_of_an_arrival_that_is_due_in_part_that_part_is_emptied(books: ArchiveEstate) -> None:
    policy = books.folder / "policies" / "books.yaml"
    tax = "  tax:\n    basis: law\n    source: Test, 6\n    keeps: [contract.terms]\n    after: contract_end\n"
    policy.write_text(f"{policy.read_text()}{tax}    for: 2 years\n    then: delete\n")
    run(books)
    assert column(books.archived("contracts"), "number", "terms") == [("K-1", "Terms 1"), ("K-2", "Terms 2")]
    day = dt.date(2027, 2, 2)
    plan = run(books, day)
    assert {(step.id, step.count) for step in plan.steps if step.dataset == "contracts"} == {
        ("shop.contracts.leave.g1", 1)
    }
    assert column(books.archived("contracts"), "number", "terms") == [("K-1", None), ("K-2", "Terms 2")]
    assert unexplained(books, plan, day) == []
    assert run(books, day).steps == ()


def altered(folder: Path, statement: str) -> None:
    """Change something in the archive that nobody planned."""
    with sqlite3.connect(folder / "archive.sqlite") as connection:
        connection.execute(statement)


def test_an_arrival_that_vanished_is_found(tmp_path: Path) -> None:
    books = archive_estate(tmp_path / "estate", Addresses.of_files(tmp_path))
    plan = run(books)
    altered(tmp_path, "DELETE FROM payments WHERE id = 1")
    assert {each.expectation for each in unexplained(books, plan)} == {"what moved is in the archive"}


def test_an_arrival_that_was_changed_is_found(tmp_path: Path) -> None:
    books = archive_estate(tmp_path / "estate", Addresses.of_files(tmp_path))
    run(books)
    books.execute("UPDATE customers SET reference = 'R-9' WHERE id = 1")
    plan = run(books)
    assert [step.id for step in plan.steps] == ["shop.customers.archive.g0"], "the mark counts no more"
    altered(tmp_path, "UPDATE contracts SET number = 'K-9' WHERE id = 1")
    assert {each.expectation for each in unexplained(books, plan)} == {"what was not due in the archive is untouched"}


@on_sqlite
def test_what_has_left_the_archive_goes_on_telling_as_long_as_it_matters(books: ArchiveEstate) -> None:
    policy = books.folder / "policies" / "books.yaml"
    policy.write_text(policy.read_text().replace("for: 3 years", "for: 7 years"))
    run(books)
    run(books, dt.date(2030, 4, 1))
    assert books.archived("contracts") == []
    assert column(books.active("customers"), "id") == [("1",), ("2",), ("4",)]
    run(books, dt.date(2032, 2, 1))
    assert column(books.active("customers"), "id") == [("1",), ("2",), ("4",)], "seven years after 1 February 2025"
    run(books, dt.date(2032, 2, 2))
    assert column(books.active("customers"), "id") == [("2",), ("4",)]
