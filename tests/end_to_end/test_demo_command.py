"""`ardoise demo` as a person runs it: the real DAGs in process over four real stores, then once more."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Ran, ardoise
from demo_contents import Contents, contents, difference, in_estate, in_stores

from expectations.canaries import Hit
from pipelines.demo.reference import Expected, Reference
from pipelines.demo.stores import DemoStores
from pipelines.estate import Estate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCALE = 0.05


@dataclass(frozen=True)
class Demonstrated:
    """Two runs of the command in one folder, and what was there before, between and after them."""

    folder: Path
    runs: tuple[Ran, Ran]
    contents: tuple[Contents, Contents, Contents]
    receipts: tuple[int, int]
    expected: Expected
    found: dict[str, list[Hit]]


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    folder = tmp_path_factory.mktemp("command") / "demo"
    looks, runs, receipts = [], [], []
    with DemoStores(folder, scale=SCALE) as stores:
        looks.append(contents(stores))
    for _ in range(2):
        runs.append(ardoise("demo", "--folder", str(folder), "--scale", str(SCALE), cwd=folder.parent, within=400))
        with DemoStores(folder) as stores:
            looks.append(contents(stores))
            found = {**in_stores(stores.canaries, stores), **in_estate(stores.canaries, stores)}
        with closing(Estate.load(stores.estate).engine()) as engine:
            receipts.append(sum(1 for _ in engine.ledger.entries("receipt")))
            assert not engine.ledger.verify()
    found["airflow"] = stores.canaries.search_files(folder / "airflow")
    expected = Reference(stores.company).expected_rows()
    first, second = runs
    return Demonstrated(folder, (first, second), tuple(looks), tuple(receipts), expected, found)


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
    made = difference(*demonstrated.contents[:2])
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
