"""`ardoise demo` as a person runs it: the real DAGs in process over four real stores, then once more.

Then somebody has all four stores, and whatever the run has left in them and in the estate.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ran, ardoise
from demo_attack import (
    Days,
    betraying,
    candidates,
    flagged,
    gone,
    of_nobody,
    owners,
    ranked,
    remembered,
    tables,
    with_days,
)
from demo_contents import Contents, contents, difference, in_estate, in_stores, led

from benchmarks.attack.following import follow
from benchmarks.attack.hidden import smallest_cell
from benchmarks.attack.leftovers import Candidates, left, revealed, secrets_of
from expectations.canaries import Hit
from pipelines.demo.reference import Expected, Reference
from pipelines.demo.stores import DemoStores
from pipelines.demo.truth import Identity
from pipelines.estate import Estate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SCALE = 0.05
CONTACTS, CUSTOMERS = ("crm", "contacts"), ("billing", "customers")


@dataclass(frozen=True)
class Demonstrated:
    """Two runs of the command in one folder, and what was there before, between and after them."""

    folder: Path
    runs: tuple[Ran, Ran]
    contents: tuple[Contents, Contents, Contents]
    receipts: tuple[int, int]
    reference: Reference
    expected: Expected
    found: dict[str, list[Hit]]
    days: Days
    everything: tuple[tuple[str, bytes], ...]


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    folder = tmp_path_factory.mktemp("command") / "demo"
    looks, runs, receipts = [], [], []
    with DemoStores(folder, scale=SCALE) as stores:
        follow(stores)
        looks.append(contents(stores))
    for _ in range(2):
        runs.append(ardoise("demo", "--folder", str(folder), "--scale", str(SCALE), cwd=folder.parent, within=700))
        with DemoStores(folder) as stores:
            looks.append(contents(stores))
            found = {**in_stores(stores.canaries, stores), **in_estate(stores.canaries, stores)}
            days = remembered(stores)
            estate = Estate.load(stores.estate)
            urls = (stores.crm_admin, f"sqlite:///{stores.billing}", f"sqlite:///{estate.state / 'engine.sqlite'}")
            everything = tuple(left(estate, urls, (*stores.data_folders, folder / "airflow")))
        with closing(estate.engine()) as engine:
            receipts.append(sum(1 for _ in engine.ledger.entries("receipt")))
            assert not engine.ledger.verify()
    found["airflow"] = stores.canaries.search_files(folder / "airflow")
    reference = Reference(stores.company)
    first, second = runs
    return Demonstrated(
        folder, (first, second), tuple(looks), tuple(receipts), reference, reference.expected_rows(), found, days,
        everything,
    )  # fmt: skip


def test_it_ends_well_with_a_table_and_a_report(demonstrated: Demonstrated) -> None:
    ran = demonstrated.runs[0]
    for store in ("crm.contacts", "billing.invoices", "mail.messages", "calendar.appointments"):
        assert store in ran.out
    for column in ("found", "kept", "archived", "deleted", "anonym.", "undet."):
        assert column in ran.words
    passed = re.search(r"(\d+) of (\d+) expectations passed", ran.words)
    assert passed
    assert passed[1] == passed[2]
    assert "approves in the ledger" in ran.words
    named = re.search(r"Report: (.*\.html)", ran.out)
    assert named
    assert Path(named[1]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_dags_do_what_the_reference_expects(demonstrated: Demonstrated) -> None:
    made = difference(*map(led, demonstrated.contents[:2]))
    assert made.gone == demonstrated.expected.deleted
    assert made.changed <= set(demonstrated.expected.anonymised) | set(demonstrated.expected.redacted)
    assert made.changed >= set(demonstrated.expected.redacted)
    assert demonstrated.contents[0].others == demonstrated.contents[1].others


def test_a_second_run_has_nothing_to_do(demonstrated: Demonstrated) -> None:
    _, between, after = demonstrated.contents
    assert between == after
    assert demonstrated.receipts[0] == demonstrated.receipts[1] > 0
    assert "Report: " in demonstrated.runs[1].out


def test_neither_airflow_nor_the_engine_keeps_a_canary(demonstrated: Demonstrated) -> None:
    assert (demonstrated.folder / "airflow").is_dir()
    assert not any(demonstrated.found.values()), demonstrated.found


def test_no_join_of_two_stores_finds_an_anonymised_person_again(demonstrated: Demonstrated) -> None:
    """On no column, and on no date with an amount, what the engine itself remembers of a row included."""
    whose, before, after = owners(demonstrated.reference.company), *demonstrated.contents[:2]
    found = []
    for known in (tables(before, whose), with_days(tables(after, whose), demonstrated.days)):
        nobodys = of_nobody(known, demonstrated.expected, demonstrated.reference.categories)
        assert {store for store, _ in nobodys} == {"crm", "billing", "mail", "calendar"}
        found.append(list(betraying(nobodys, known)))
    betrayed = {(one[0], other[0]) for one, other, _ in found[0]}
    assert betrayed == set(permutations(("crm", "billing", "mail", "calendar"), 2)), "beforehand each betrays each"
    assert found[1] == []


def test_no_order_of_two_stores_finds_an_anonymised_person_again(demonstrated: Demonstrated) -> None:
    """By the rank of a key, an amount or a day in one, held against any such rank in the other."""
    whose, before, after = owners(demonstrated.reference.company), *demonstrated.contents[:2]
    expected, categories = demonstrated.expected, demonstrated.reference.categories
    first, then = (
        [(one, other, each) for one, other, each in ranked(flagged(known, expected, categories)) if each.betrays]
        for known in (tables(before, whose), with_days(tables(after, whose), demonstrated.days))
    )
    found = max(each.found / each.persons for *places, each in first if places == [CONTACTS, CUSTOMERS])
    assert found > 0.5, "beforehand both number the same persons in the same order"
    assert then == []


def test_anonymised_contacts_and_customers_hide_among_eleven(demonstrated: Demonstrated) -> None:
    """Counted without the engine, over all that the policy lets stay; names and addresses are drawn for each row."""
    known = tables(demonstrated.contents[1], owners(demonstrated.reference.company))
    nobodys = of_nobody(known, demonstrated.expected, demonstrated.reference.categories)
    for place in (("crm", "contacts"), ("billing", "customers")):
        drawn = ["id", "email", "first_name", "last_name", "ardoise_record"]
        assert len(nobodys[place]) > 30
        assert smallest_cell(nobodys[place].drop(columns=drawn), "ardoise_person") >= 11


def test_emptied_contracts_hide_among_eleven_together_with_where_they_lead(demonstrated: Demonstrated) -> None:
    rows = demonstrated.contents[1].table("billing", "contracts")
    emptied = [{**row, "record": each.key} for each, row in rows.items() if row["number"] is row["signed_by"] is None]
    whose = {each.id: each.customer_id for each in demonstrated.reference.company.billing.contracts}
    kept = pd.DataFrame(emptied).drop(columns=["id", "number", "signed_by"])
    kept["record"] = [whose[int(each)] for each in kept["record"]]
    assert len(kept) > 11
    assert smallest_cell(kept, "record") >= 11


@pytest.mark.parametrize(
    ("store", "link", "tables"),
    [
        ("crm", "contact", ("interactions", "notes", "prospects", "memberships")),
        ("billing", "customer", ("contracts",)),
    ],
)
def test_rows_of_nobody_lead_to_no_person_of_their_own(
    demonstrated: Demonstrated, store: str, link: str, tables: tuple[str, ...]
) -> None:
    """Not to the row of the person whose they were: all lead to one that was drawn, itself somebody's."""
    before, after = (led(each).rows for each in demonstrated.contents[:2])
    whole, categories = demonstrated.expected.anonymised, demonstrated.reference.categories
    nobodys = {each for each, due in whole.items() if due >= categories[each[:2]]}
    for table in tables:
        turned = [
            before[each][f"{link}_id"] == after[each][f"{link}_id"]
            for each in nobodys
            if each[:2] == (store, table) and Identity(store, f"{link}s", str(before[each][f"{link}_id"])) in nobodys
        ]
        assert len(turned) > 11
        assert sum(turned) <= max(2, len(turned) // 20)


def test_candidates_are_found_in_nothing_but_what_is_told_of_them(demonstrated: Demonstrated) -> None:
    """With every key in hand. What is told of persons is kept as long as it decides on somebody, and says so."""
    assert len(gone(demonstrated.reference, demonstrated.expected)) > 100
    estate = Estate.load(demonstrated.folder / "estate")
    listed = candidates(demonstrated.reference, demonstrated.expected, 10_000)
    assert len(listed) == 10_000
    known = Candidates.of(listed, secrets_of(estate), estate)
    careless = ("careless", hashlib.sha256(listed[0][1].encode()).hexdigest().encode())
    found = revealed(known, (*demonstrated.everything, careless))
    assert set(found) == {"ardoise.told", "careless"}, "of contracts nothing is told any more that matters to anybody"
