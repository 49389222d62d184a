"""What a row told of a person counts for that person's records elsewhere after the row is gone, and its link."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from pathlib import Path

import pytest
from approving import confirm_maps
from parted_estate import noon
from told_estate import ENDED, GONE, LAST, ToldEstate, told_estate

from pipelines.apply import apply
from pipelines.engine.holds import HoldScope
from pipelines.records import record_digest
from pipelines.subjects import subject_digest
from pipelines.verify import verify

pytestmark = pytest.mark.slow

DAY = dt.timedelta(days=1)
PARTIES = "subjects: [{kind: email, columns: [parties]}]"


ENGINES = ["sqlite", "postgres", "mariadb"]


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> ToldEstate:
    """The estate in SQLite, or in the engine that a test names."""
    return told_estate(getattr(request, "param", "sqlite"), request, tmp_path)


@pytest.mark.parametrize("shop", ENGINES, indirect=True)
def test_a_contact_stays_while_a_contract_that_is_gone_would_keep_it(shop: ToldEstate) -> None:
    """Run on the day on which contracts go, and on those around the contacts' own."""
    plan = shop.run(GONE)
    assert shop.ids("contracts") == [4]
    assert shop.contacts() == [1, 2, 3, 4]
    found = verify(shop.estate, plan.digest, now=noon(GONE), today=GONE)
    assert [each for each in found if not each.passed] == []
    shop.run(LAST)
    assert shop.contacts() == [1, 2, 4], "prospecting is over for 3, and the follow-up of 1 and 2 is not"
    shop.run(LAST + DAY)
    assert shop.contacts() == [4]


def told(shop: ToldEstate) -> set[tuple[str, str, str]]:
    """Who told what of whom, by which kind of key: dataset, kind, event."""
    return {(row["dataset"], row["kind"], row["event"]) for row in shop.rows(shop.own("told"))}


@pytest.mark.parametrize("shop", ENGINES, indirect=True)
def test_what_inherits_a_link_goes_on_telling_after_it_was_anonymised(shop: ToldEstate) -> None:
    """Anonymise the customers before their contracts go, and see that the contacts do not know less for it."""
    shop.execute("UPDATE customers SET closed_on = '2024-01-01' WHERE id IN (1, 2)")
    early = dt.date(2025, 12, 1)
    shop.run(early)
    assert ["person" in row["email"] for row in shop.rows("customers")] == [False, False, True, True]
    assert shop.ids("contracts") == [1, 2, 4]
    assert {kind for _, kind, _ in told(shop)} == {"strong_email", "weak_email", "weak_name"}
    shop.run(LAST)
    assert shop.contacts() == [1, 2, 4]
    shop.run(LAST + DAY)
    assert shop.contacts() == [4]


def test_a_row_that_is_made_anew_tells_beside_what_was_told_and_the_latest_counts(shop: ToldEstate) -> None:
    shop.run(GONE)
    shop.execute(
        "INSERT INTO contracts VALUES (11, 1, 'K-11', '2026-09-01')",
        "INSERT INTO contracts VALUES (12, 2, 'K-12', '2020-01-01')",
    )
    shop.run(LAST + DAY)
    assert shop.contacts() == [1, 4]
    later = dt.date(2029, 9, 1)
    shop.run(later)
    assert shop.contacts() == [1, 4]
    shop.run(later + DAY)
    assert shop.contacts() == [4]


def test_a_client_again_is_a_client_though_an_earlier_contract_is_gone(shop: ToldEstate) -> None:
    shop.run(GONE)
    shop.execute("INSERT INTO contracts VALUES (11, 1, 'K-11', NULL)")
    shop.run(LAST + DAY)
    assert shop.contacts() == [1, 4]


def test_what_cannot_matter_any_more_is_forgotten_some_time_later(shop: ToldEstate) -> None:
    shop.run(GONE)
    kept = shop.rows(shop.own("told"))
    assert {(row["event"], str(row["first_day"]), str(row["last_day"]), bool(row["missing"])) for row in kept} == {
        ("contract_end", str(ENDED), str(ENDED), False)
    }
    assert len({row["digest"] for row in kept if row["kind"] == "strong_email"}) == 2
    shop.run(LAST + DAY)
    assert shop.rows(shop.own("told")) == kept, "a run may be late"
    shop.crm.execute("INSERT INTO contacts VALUES (20, 'x@acme.example', 'Contact', '2020-01-01')")
    shop.run(LAST + 89 * DAY)
    assert shop.rows(shop.own("told")) == kept
    shop.crm.execute("INSERT INTO contacts VALUES (21, 'x@acme.example', 'Contact', '2020-01-01')")
    shop.run(LAST + 91 * DAY)
    assert shop.rows(shop.own("told")) == []


def test_nothing_is_kept_of_what_is_over_everywhere_when_it_goes(shop: ToldEstate) -> None:
    shop.run(dt.date(2028, 12, 1))
    assert shop.ids("contracts") == shop.contacts() == [4]
    assert shop.rows(shop.own("told")) == []


def test_what_is_kept_are_digests_and_days(shop: ToldEstate) -> None:
    shop.run(GONE)
    rows = shop.rows(shop.own("told"))
    assert rows
    assert all(re.fullmatch(r"[0-9a-f]{32,64}", row["digest"]) for row in rows)
    told = " ".join(str(value) for row in rows for name, value in row.items() if name != "digest").lower()
    canaries = ("person1", "person2", "acme", "name", "k-1", "k-2", "customers [1]", '"1"', "[1]")
    assert [each for each in canaries if each in told.replace("weak_name", "")] == []


def test_what_was_open_when_its_row_went_leaves_the_person_undetermined_and_is_reported(shop: ToldEstate) -> None:
    shop.execute("UPDATE customers SET closed_on = '2024-01-01' WHERE id = 4")
    shop.run(GONE)
    assert "person" not in shop.rows("customers")[3]["email"]
    plan = shop.run(dt.date(2040, 1, 1))
    contacts = next(each for each in plan.tallies if each.dataset == "contacts")
    assert (contacts.undetermined, shop.contacts()) == (1, [4])
    assert any("contract_end" in each and "of 1 person:" in each for each in plan.warnings)


@pytest.mark.parametrize("shop", ENGINES, indirect=True)
def test_a_row_that_named_several_in_one_cell_goes_on_telling_of_each(shop: ToldEstate) -> None:
    """A contract of two persons in one cell goes for a reason of its own: it tells of both still."""
    policy, data_map = shop.folder / "policies" / "told.yaml", shop.folder / "data_map" / "billing.yaml"
    policy.write_text(
        policy.read_text()
        .replace("closed: end}", "closed: end, signed: point}")
        .replace("keeps: [contract.number], after: contract_end,", "keeps: [contract.number], after: signed,")
    )
    data_map.write_text(
        data_map.read_text()
        .replace("null: open, of: subject}}", "null: open, of: subject}, signed: {column: signed_on}}")
        .replace("inherits: [{dataset: customers, on: {customer_id: id}}]", PARTIES)
    )
    shop.execute(
        "ALTER TABLE contracts ADD COLUMN signed_on DATE", "ALTER TABLE contracts ADD COLUMN parties VARCHAR(200)",
        "DELETE FROM contracts WHERE id = 2",
        "UPDATE contracts SET signed_on = '2020-01-01', parties = 'person1@acme.example; person2@acme.example' "
        "WHERE id = 1",
        "UPDATE contracts SET signed_on = '2027-01-01', parties = 'person4@acme.example' WHERE id = 4",
    )  # fmt: skip
    confirm_maps(shop.folder)
    shop.run(GONE)
    assert shop.ids("contracts") == [4]
    assert {row["digest"] for row in shop.rows(shop.own("told")) if row["kind"] == "strong_email"} == {
        subject_digest(shop.estate.key, "SHOP", "email", f"person{n}@acme.example") for n in (1, 2)
    }
    shop.run(LAST)
    assert [each for each in shop.contacts() if each in (1, 2)] == [1, 2]


def held(shop: ToldEstate, day: dt.date, scope: HoldScope) -> None:
    """Open a hold on a day."""
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.holds.open("C-1", scope, since=day, by="dpo", at=noon(day))


def address(shop: ToldEstate, person: int) -> str:
    """The digest of a person's address, which is its own loose form: all by which contact and contracts agree."""
    return subject_digest(shop.estate.key, "SHOP", "email", f"person{person}@acme.example")


def scopes(shop: ToldEstate) -> dict[str, tuple[HoldScope, set[int]]]:
    """Holds in the other store, and whom each concerns of those whose contracts go."""
    person = address(shop, 1)
    record = record_digest(shop.estate, "crm", "contacts", ["1"])
    return {
        "person": (HoldScope("crm", "contacts", subject=person), {1}),
        "record": (HoldScope("crm", "contacts", record=record), {1}),
        "dataset": (HoldScope("crm", "contacts"), {1, 2}),
        "elsewhere": (HoldScope("billing", "customers", subject=person), set()),
    }


@pytest.mark.parametrize(
    ("shop", "kind"),
    [("sqlite", "person"), ("postgres", "record"), ("mariadb", "dataset"), ("sqlite", "elsewhere")],
    indirect=["shop"],
)
def test_a_hold_keeps_what_was_told_of_whom_it_concerns_and_of_nobody_else(shop: ToldEstate, kind: str) -> None:
    """Contracts that went are forgotten when they cannot matter any more, but for what decides on a held record."""
    shop.run(GONE)
    scope, concerned = scopes(shop)[kind]
    held(shop, GONE, scope)
    shop.execute(
        "INSERT INTO customers VALUES (30, 'someone@acme.example', 'Else', NULL)",
        "INSERT INTO contracts VALUES (30, 30, 'K-30', '2020-01-01')",
    )
    shop.run(LAST + 91 * DAY)
    assert shop.contacts() == sorted({4, *concerned, *({3} if kind == "dataset" else ())})
    kept = {row["digest"] for row in shop.rows(shop.own("told"))}
    assert shop.ids("contracts") == [4]
    if kind == "elsewhere":
        name = subject_digest(shop.estate.key, "SHOP", "name", "namea")
        assert kept == {address(shop, 1), name}, "a record is decided on by whatever is told under any of its digests"
        return
    assert kept == {address(shop, each) for each in concerned}
    with contextlib.closing(shop.estate.engine()) as engine:
        engine.holds.release("C-1", until=LAST + 92 * DAY, by="one", at=noon(LAST + 91 * DAY))
        engine.holds.release("C-1", until=LAST + 92 * DAY, by="another", at=noon(LAST + 91 * DAY))
    shop.run(LAST + 92 * DAY)
    assert shop.contacts() == [4], "what a contract told that has gone decides when the hold has ended"
    assert shop.rows(shop.own("told")) == []


def test_what_is_over_for_everybody_is_told_of_whom_a_hold_makes_wait(shop: ToldEstate) -> None:
    held(shop, GONE, scopes(shop)["person"][0])
    late = dt.date(2028, 12, 1)
    shop.run(late)
    assert (shop.ids("contracts"), shop.contacts()) == ([4], [1, 4])
    assert {row["digest"] for row in shop.rows(shop.own("told"))} == {address(shop, 1)}


def test_a_hold_that_is_opened_while_a_run_acts_makes_everybody_wait(shop: ToldEstate) -> None:
    """Whom it concerns was not looked up: nothing is lost that it may need, and the next run knows."""
    late, opened = dt.date(2028, 12, 1), False

    def checkpoint(point: str) -> None:
        nonlocal opened
        if point == "intent" and not opened:
            opened = True
            held(shop, GONE, scopes(shop)["person"][0])

    plan = shop.plan(late)
    apply(shop.estate, plan.digest, now=noon(late), today=late, actor="tests", retries=(), checkpoint=checkpoint)
    assert opened
    assert (shop.ids("contracts"), shop.contacts()) == ([4], [1, 4])
    strong = {row["digest"] for row in shop.rows(shop.own("told")) if row["kind"] == "strong_email"}
    assert len(strong) == 2
    shop.crm.execute("INSERT INTO contacts VALUES (20, 'x@acme.example', 'Contact', '2020-01-01')")
    shop.run(late + 120 * DAY)
    assert {row["digest"] for row in shop.rows(shop.own("told"))} == {address(shop, 1)}


def test_what_was_told_by_keys_that_nobody_uses_now_makes_its_event_incomplete(shop: ToldEstate) -> None:
    shop.run(GONE)
    shop.execute("UPDATE ardoise_told SET kind = 'strong_number' WHERE kind = 'strong_email'")
    plan = shop.plan(LAST + DAY)
    assert [each for each in plan.warnings if "billing.contracts could not tell `contract_end`" in each] != []
    contacts = next(each for each in plan.tallies if each.dataset == "contacts")
    assert (contacts.undetermined, contacts.kept, contacts.due) == (3, 1, 0)
