"""The main job on the demonstration's four real stores, held against its slow reference, record by record."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from demo_contents import (
    Contents,
    Difference,
    Row,
    addresses,
    contents,
    counted,
    difference,
    in_estate,
    in_stores,
    kept_in_store,
    led,
    logged,
    summed,
    words,
)

from benchmarks.attack.following import follow, follow_added
from expectations.canaries import Hit
from expectations.findings import Finding, Stage
from pipelines.apply import RunSummary, apply
from pipelines.data_map.model import FieldMap
from pipelines.demo.moments import AS_OF
from pipelines.demo.probes import Probe, add_probes
from pipelines.demo.reference import Expected, Reference
from pipelines.demo.running import CONTROLLER, OFFICER, canary_file, open_case
from pipelines.demo.stores import DemoStores
from pipelines.demo.truth import Identity
from pipelines.estate import Estate
from pipelines.plan import make_plan
from pipelines.plan.artefact import Plan
from pipelines.report import write_report
from pipelines.scan import scan
from pipelines.scan.refresh import refresh
from pipelines.verify import CANARIES, stored_findings, verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCALE = 0.05
NOW = dt.datetime(2026, 6, 30, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
RANDOM = {
    ("crm", "contacts"): ("email", "first_name", "last_name"),
    ("billing", "customers"): ("email", "first_name", "last_name"),
}
"""The columns whose values are replaced by drawn ones."""
COARSE = {"department", "decade"}
Personal = dict[tuple[str, str], dict[str, FieldMap]]


@dataclass(frozen=True)
class Run:
    """One run, with what the stores held before and after it."""

    plan: Plan
    summary: RunSummary
    findings: list[Finding]
    report: Path
    before: Contents
    after: Contents

    @property
    def difference(self) -> Difference:
        return difference(self.before, self.after)


@dataclass(frozen=True)
class First:
    """The first run on untouched stores, and all that was looked at on the way."""

    run: Run
    expected: Expected
    planted: dict[str, list[Hit]]
    found: dict[str, list[Hit]]
    log: str


def carry_out(stores: DemoStores, now: dt.datetime) -> Run:
    """Plan, approve, apply, verify, report: the use cases that the command line and the DAGs call."""
    before = led(contents(stores))
    estate = Estate.load(stores.estate)
    assert all(each.complete for each in refresh(estate, now=now))
    plan = make_plan(estate, CONTROLLER, as_of=AS_OF, today=AS_OF, now=now, by="tests")
    assert not plan.refusals
    with closing(estate.engine()) as engine:
        engine.approvals.approve(plan.digest, by=OFFICER, at=now, expires=now + 24 * HOUR)
    summary = apply(estate, plan.digest, now=now, today=AS_OF, actor="tests", retries=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CANARIES, str(canary_file(stores)))
        findings = verify(estate, plan.digest, now=now + HOUR / 2, today=AS_OF)
    report = write_report(estate, plan.digest, now=now + HOUR / 2).path
    return Run(plan, summary, findings, report, before, led(contents(stores)))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStores]:
    with DemoStores(tmp_path_factory.mktemp("demo"), scale=SCALE) as started:
        follow(started)
        yield started


@pytest.fixture(scope="module")
def first(stores: DemoStores) -> First:
    log = stores.folder / "run.log"
    planted = in_stores(stores.canaries, stores)
    with logged(log):
        estate = Estate.load(stores.estate)
        scan(estate, now=NOW)
        open_case(estate, stores, lambda _: None, NOW)
        run = carry_out(stores, NOW + HOUR)
    found = {**in_stores(stores.canaries, stores), **in_estate(stores.canaries, stores)}
    expected = Reference(stores.company).expected_rows()
    return First(run, expected, planted, found, log.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def second(stores: DemoStores, first: First) -> Run:
    return carry_out(stores, NOW + 2 * HOUR)


@pytest.fixture(scope="module")
def probed(stores: DemoStores, second: Run) -> tuple[tuple[Probe, ...], Run]:
    probes = add_probes(stores)
    follow_added(stores)
    return probes, carry_out(stores, NOW + 3 * HOUR)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with DemoStores(tmp_path_factory.mktemp("twin"), scale=SCALE) as started:
        follow(started)
        open_case(Estate.load(started.estate), started, lambda _: None, NOW)
        return carry_out(started, NOW + HOUR)


def failures(findings: list[Finding]) -> list[str]:
    """What did not pass, in words."""
    return [
        f"{each.store}.{each.dataset}: {each.expectation} ({each.measure}): {each.seen}, not {each.expected}"
        for each in findings
        if not each.passed
    ]


@pytest.fixture(scope="module")
def personal(stores: DemoStores) -> Personal:
    """The personal columns of each table."""
    maps = Estate.load(stores.estate).data_maps
    return {
        (store, name): dataset.personal for store in ("crm", "billing") for name, dataset in maps[store].active.items()
    }


@pytest.fixture(scope="module")
def hiding(stores: DemoStores) -> dict[tuple[str, str], set[str]]:
    """The columns that get coarser in rows of which nothing personal is left, by table."""
    maps = Estate.load(stores.estate).data_maps
    asking = {
        (store, name): each.anonymity for store in ("crm", "billing") for name, each in maps[store].active.items()
    }
    return {place: {*each.columns, *each.measures} for place, each in asking.items() if each is not None}


# -- exactly the reference


def test_exactly_what_the_reference_expects_is_deleted(first: First) -> None:
    expected = first.expected
    assert {each.store for each in expected.deleted} == {"crm", "billing", "mail", "calendar"}
    assert first.run.difference.gone == expected.deleted
    assert first.run.difference.new == frozenset()
    assert set(first.run.after.ours) == expected.kept | set(expected.anonymised) | set(expected.redacted)


def test_in_rows_that_stay_exactly_the_due_categories_change(
    personal: Personal, hiding: dict[tuple[str, str], set[str]], first: First
) -> None:
    before, after = first.run.before.rows, first.run.after.rows
    assert {each.store for each in first.expected.anonymised} == {"crm", "billing"}
    nobodys = {each for each, row in after.items() if after_nobody(row)}
    untouched, overreached = [], []
    for identity, row in after.items():
        due = first.expected.anonymised.get(identity, frozenset())
        columns = {name for name, field in personal[identity[:2]].items() if field.category in due}
        if identity in nobodys or (due and nobodys & set(parents(before[identity]))):
            columns |= hiding.get(identity[:2], set())
        changed = {name for name in row if row[name] != before[identity][name]}
        if changed - columns:
            overreached.append((identity, changed - columns))
        if not changed and any(before[identity][name] not in {None, ""} for name in columns):
            untouched.append((identity, columns))
    assert not overreached
    assert not untouched


def parents(row: Row) -> Iterator[Identity]:
    """The contact or the customer to whom a row leads."""
    for store, name in (("crm", "contact"), ("billing", "customer")):
        yield Identity(store, f"{name}s", str(row.get(f"{name}_id")))


def after_nobody(row: Row) -> bool:
    """Whether nothing leads from a contact or a customer to a person any more."""
    return str(row.get("email")).endswith(".invalid")


def test_no_value_of_a_due_category_stays_where_it_was(personal: Personal, first: First) -> None:
    """Drawn names are now and then the old ones; a coarser value may be what it was."""
    before, after = first.run.before.rows, first.run.after.rows
    stayed = Counter[tuple[str, str, str]]()
    for identity, due in first.expected.anonymised.items():
        for name, field in personal[identity[:2]].items():
            if field.category in due and field.technique not in COARSE and before[identity][name] not in {None, ""}:
                stayed[(*identity[:2], name)] += after[identity][name] == before[identity][name]
    drawn = {(*place, name) for place, names in RANDOM.items() for name in names if name != "email"}
    assert len(stayed) > 20
    assert {column for column, count in stayed.items() if count} <= drawn
    assert stayed.total() < 0.02 * len(first.expected.anonymised)


def test_items_that_stay_lose_exactly_the_persons_who_are_due(first: First) -> None:
    before, after, redacted = first.run.before.items, first.run.after.items, first.expected.redacted
    assert {each.store for each in redacted} == {"mail", "calendar"}
    assert {each for each in first.run.difference.changed if each in after} == set(redacted)
    for identity, due in redacted.items():
        then, now = addresses(identity, before[identity]), addresses(identity, after[identity])
        assert due <= then
        assert then - due <= now
        assert all(each.endswith(".invalid") for each in now - then)
        text = words(identity, after[identity])
        assert not any(each in text for each in due)


def test_another_tenants_rows_and_companies_are_as_they_were(first: First) -> None:
    assert {each.dataset for each in first.run.before.others} >= {"companies", "contacts", "web_logs"}
    assert first.run.after.others == first.run.before.others


def test_the_held_keep_everything(stores: DemoStores, first: First) -> None:
    without = Reference(stores.company, with_case=False).expected_rows()
    held = without.acted - first.expected.acted
    assert held
    assert not held & (first.run.difference.gone | first.run.difference.changed)


def test_the_run_is_complete_and_counts_what_it_did(first: First) -> None:
    summary = first.run.summary
    assert summary.complete
    assert summary.counts.keys() == {"deleted", "anonymised", "redacted", "hidden"}
    assert summary.counts["deleted"] == len(first.expected.deleted)
    assert summary.counts["redacted"] == len(first.expected.redacted)
    assert all(step.acted == step.planned for step in summary.steps)


# -- verified


def test_every_expectation_passes(first: First) -> None:
    assert len(first.run.findings) > 50
    assert not failures(first.run.findings)


def test_canaries_are_in_every_store_beforehand_and_nowhere_afterwards(stores: DemoStores, first: First) -> None:
    assert all(hits for hits in first.planted.values())
    assert not any(first.found.values()), first.found
    assert any("canaries" in each.expectation for each in first.run.findings)
    assert stores.canaries.in_text(" ".join(stores.canaries.values)) == len(stores.canaries.values)


def test_plan_report_and_log_name_no_canary(stores: DemoStores, first: First) -> None:
    canaries = stores.canaries
    report = first.run.report
    texts = {
        "plan": json.dumps(first.run.plan.document(), ensure_ascii=False, default=str),
        "report": report.read_text(encoding="utf-8"),
        "report as JSON": report.with_suffix(".json").read_text(encoding="utf-8"),
        "log": first.log,
    }
    assert all(texts.values())
    assert not [name for name, text in texts.items() if canaries.in_text(text) or canaries.in_bytes(text.encode())]
    assert list((stores.estate / "proposals").iterdir()), "nothing was proposed: there was nothing to search"


def test_the_log_names_no_person_and_no_resource(first: First) -> None:
    people = {row["email"].lower() for (_, name, _), row in first.run.before.rows.items() if name == "contacts"}
    assert len(people) > 100
    log = first.log.lower()
    assert not [each for each in people if each in log]
    assert "/office/" not in log
    assert not [each for each in first.run.before.items if each.key.lower() in log]


def test_registered_statistics_are_equal_before_and_after(first: First) -> None:
    document = json.loads(first.run.report.with_suffix(".json").read_text(encoding="utf-8"))
    names = {each["name"] for each in document["statistics"]}
    assert names == {"revenue", "contacts", "visits"}
    equal = [each for each in first.run.findings if each.expectation.startswith("registered statistics")]
    assert len(equal) == 3
    assert not failures(equal)


def test_visits_per_month_are_what_rows_and_ledger_say_together(stores: DemoStores, first: First) -> None:
    def month(row: Row) -> str:
        return json.dumps([f"{row['at']:%Y-%m}"])

    before, after = (counted(each.table("crm", "web_logs"), month) for each in (first.run.before, first.run.after))
    kept = kept_in_store(stores, "crm", "visits")
    assert before != after
    assert after + Counter({place: n for place, (n, _) in kept.items()}) == before


def test_revenue_is_what_rows_and_ledger_say_together(stores: DemoStores, first: First) -> None:
    def cell(row: Row) -> str:
        return json.dumps([str(row["issued_on"])[:7], row["region"]], ensure_ascii=False, separators=(",", ":"))

    before, after = (
        summed(each.table("billing", "invoices"), "total_cents", cell) for each in (first.run.before, first.run.after)
    )
    kept = kept_in_store(stores, "billing", "revenue")
    assert before != after
    assert after + Counter({place: int(total) for place, (_, total) in kept.items()}) == before


# -- again


def test_a_second_run_finds_nothing_to_do(stores: DemoStores, first: First, second: Run) -> None:
    assert second.plan.steps == ()
    assert second.summary.nothing_to_do
    assert second.difference == Difference(frozenset(), frozenset(), frozenset())
    assert second.after == first.run.after
    assert not failures(second.findings)


def test_a_plan_that_is_done_is_not_done_again(stores: DemoStores, first: First, second: Run) -> None:
    estate = Estate.load(stores.estate)
    again = apply(estate, first.run.plan.digest, now=NOW + 2 * HOUR, today=AS_OF, actor="tests", retries=())
    assert again.nothing_to_do
    assert again.counts == first.run.summary.counts


def test_of_fourteen_added_records_exactly_the_seven_due_go(probed: tuple[tuple[Probe, ...], Run]) -> None:
    probes, run = probed
    assert sum(probe.due for probe in probes) == 7
    assert run.difference == Difference(
        gone=frozenset(each.identity for each in probes if each.due and each.deleted),
        changed=frozenset(each.identity for each in probes if each.due and not each.deleted),
        new=frozenset(),
    )
    assert not failures(run.findings)


# -- irreversible


def test_two_runs_on_identical_copies_replace_alike_only_by_chance(first: First, twin: Run) -> None:
    assert twin.before == first.run.before
    assert twin.difference == first.run.difference
    shuffle = random.Random(7)
    for place, names in RANDOM.items():
        one, other = first.run.after.table(*place), twin.after.table(*place)
        changed = [each for each in one if one[each] != first.run.before.rows[each]]
        for name in names:
            pairs = [
                (one[each][name], other[each][name])
                for each in changed
                if one[each][name] != first.run.before.rows[each][name]
            ]
            assert len(pairs) > 20
            alike = sum(a == b for a, b in pairs)
            if name == "email":
                assert alike == 0
                continue
            seconds = [b for _, b in pairs]
            by_chance = []
            for _ in range(20):
                shuffle.shuffle(seconds)
                by_chance.append(sum(a == b for (a, _), b in zip(pairs, seconds, strict=True)))
            assert alike <= 2 * max(by_chance) + 5


def test_what_stands_for_a_redacted_person_says_nothing_of_who_it_was(first: First, twin: Run) -> None:
    drawn = set()
    for identity, due in first.expected.redacted.items():
        kept = addresses(identity, first.run.before.items[identity]) - due
        for run in (first.run, twin):
            drawn |= addresses(identity, run.after.items[identity]) - kept
    assert len(drawn) == 1


# -- told


def test_the_report_is_one_file_that_says_what_went_and_why(first: First) -> None:
    html = first.run.report.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?+(?!#|data:)|@import|url\(["']?+(?!#|data:)|<script""", html)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    counts: dict[str, Any] = first.run.summary.counts
    for name in ("deleted", "anonymised", "redacted"):
        assert re.search(rf"{_grouped(counts[name])} {name}", text), name
    for step in first.run.plan.steps:
        assert f" {step.dataset} " in text.partition(f" {step.store} ")[2], step.id
        assert all(purpose in text for purpose, _ in step.purposes)
    assert OFFICER in text
    assert first.run.plan.digest in text
    with closing(Estate.load(first.run.report.parents[2]).engine()) as engine:
        kept = stored_findings(engine, first.run.plan.digest)
    assert {each.stage for each in kept} == set(Stage)
    assert f"{len(kept)} expectations passed" in text


def _grouped(number: int) -> str:
    """A number as the report writes it, whatever separates its thousands."""
    return r"\D?".join(f"{number:,}".split(","))
