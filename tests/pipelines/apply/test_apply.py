"""A run acts on what the plan says, once, and refuses whatever is not as it was when the plan was made."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apply_states import planned, receipts
from approving import confirm_maps
from estates import AS_OF, DUE, NOW, SmallEstate, small_estate
from fixtures_postgres import PostgresDatabase

from connectors.errors import StoreDown, StoreReadOnly
from pipelines.apply import RunSummary, apply
from pipelines.engine import HoldScope, PlanStatus
from pipelines.errors import (
    ExpectationsUnmet,
    LedgerBroken,
    LimitExceeded,
    NotApproved,
    PlanChanged,
    Refused,
    UsageError,
)
from pipelines.locks import DatasetBusy, locked_by_file
from pipelines.plan.artefact import Plan
from pipelines.verify.statistics import measured


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallEstate, Plan]:
    """The estate with its approved plan, to be copied."""
    small = small_estate(tmp_path_factory.mktemp("prepared") / "estate")
    return small, planned(small)


@pytest.fixture
def small(prepared: tuple[SmallEstate, Plan], tmp_path: Path) -> SmallEstate:
    return prepared[0].copied(tmp_path / "estate")


@dataclass(frozen=True, slots=True)
class Done:
    """The estate after a run of its plan, what was there before, what the run said and told on its way."""

    small: SmallEstate
    before: dict[str, list[dict[str, Any]]]
    summary: RunSummary
    told: list[tuple[str, int, int | None, str]]


@pytest.fixture(scope="module")
def ran(prepared: tuple[SmallEstate, Plan], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The estate in which the plan was run, to be copied."""
    small = prepared[0].copied(tmp_path_factory.mktemp("ran") / "estate")
    told: list[tuple[str, int, int | None, str]] = []
    before = everything(small)
    summary = run(small, prepared[1].digest, progress=lambda *what: told.append(what))  # type: ignore[misc]
    return Done(small, before, summary, told)


@pytest.fixture
def done(ran: Done, tmp_path: Path) -> Done:
    return replace(ran, small=ran.small.copied(tmp_path / "done"))


@pytest.fixture
def plan(prepared: tuple[SmallEstate, Plan]) -> Plan:
    return prepared[1]


def run(small: SmallEstate, digest: str, **options: Any) -> RunSummary:
    options = {"now": NOW, "today": NOW.date(), "retries": (), **options}
    return apply(small.estate, digest, actor="tests", **options)


def everything(small: SmallEstate) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    tables = {"crm": ("contacts", "notes", "web_logs"), "billing": ("customers", "contracts")}
    return {table: small.rows(store, table) for store, names in tables.items() for table in names}


def refused(small: SmallEstate) -> list[str]:
    """The reasons in the ledger for which runs ended."""
    engine = small.estate.engine()
    try:
        return [entry.body["reason"] for entry in engine.ledger.entries("refusal")]
    finally:
        engine.close()


# -- what a run does


def test_what_is_due_goes_and_bystanders_are_untouched(done: Done) -> None:
    before, after, summary = done.before, everything(done.small), done.summary
    assert summary.complete
    assert summary.counts == {"deleted": 5 + 19, "anonymised": 5 + 10 + 5}
    assert [row["id"] for row in after["contracts"]] == [2, 4, 6, 8, 10]
    for table in before:
        key = "contact_id" if table == "notes" else "id"
        touched = set(DUE) if table != "web_logs" else {n for n in range(1, 39) if n % 2}
        untouched = [row for row in before[table] if row[key] not in touched]
        assert [row for row in after[table] if row[key] not in touched] == untouched
    assert all(row["email"].endswith(".invalid") for row in after["contacts"] if row["id"] in DUE)
    assert all(row["body"] == "[redacted]" for row in after["notes"] if row["contact_id"] in DUE)


def test_a_finished_plan_is_left_alone_and_says_so(done: Done, plan: Plan) -> None:
    small, first = done.small, done.summary
    after = everything(small)
    again = run(small, plan.digest)
    assert again.nothing_to_do
    assert not first.nothing_to_do
    assert again.counts == first.counts
    assert everything(small) == after
    engine = small.estate.engine()
    assert engine.plans.record(plan.digest).status is PlanStatus.APPLIED
    assert [each.state for each in engine.runs.of(plan.digest)] == ["done"]
    engine.close()


def test_the_next_plan_finds_nothing(done: Done) -> None:
    second = planned(done.small, approved=False)
    assert second.steps == ()
    assert run(done.small, second.digest).nothing_to_do


@pytest.mark.slow
def test_stores_are_applied_one_by_one_as_a_scheduler_does(small: SmallEstate, plan: Plan) -> None:
    assert run(small, plan.digest, stores=["billing"]).complete
    engine = small.estate.engine()
    assert engine.plans.record(plan.digest).status is PlanStatus.CURRENT
    engine.close()
    summary = run(
        small, plan.digest, stores=["crm"], now=NOW + dt.timedelta(days=1), today=AS_OF + dt.timedelta(days=1)
    )
    assert summary.counts == {"deleted": 19, "anonymised": 15}
    engine = small.estate.engine()
    assert engine.plans.record(plan.digest).status is PlanStatus.APPLIED
    engine.close()


def test_statistics_are_the_same_before_and_after(done: Done, plan: Plan) -> None:
    series = {each.name: each for each in measured(done.small.estate, plan)}
    assert {name: each.holds for name, each in series.items()} == {"visits": True, "contacts": True}
    assert series["visits"].cells


def test_what_is_no_longer_due_is_skipped_and_counted(small: SmallEstate, plan: Plan) -> None:
    small.execute("billing", "UPDATE contracts SET status = 'running', ended_on = NULL WHERE id = 3")
    small.execute("crm", "UPDATE web_logs SET at = '2026-06-01 08:00:00' WHERE id = 5")
    summary = run(small, plan.digest)
    stale = {step.step: step.outcomes.get("stale", 0) for step in summary.steps}
    assert summary.complete
    assert stale["crm.web_logs.delete"] == 1
    # The contract's end that the plan knew is merged with its opening: open counts, and nothing of person 3 is touched.
    assert {row["email"] for row in small.rows("crm", "contacts") if row["id"] == 3} == {"person3@acme.example"}
    assert 3 in {row["id"] for row in small.rows("billing", "contracts")}
    assert sum(stale.values()) == 1 + 1 + 1 + 2 + 1


def test_records_that_became_due_since_wait_for_the_next_plan(small: SmallEstate, plan: Plan) -> None:
    small.execute("crm", "UPDATE web_logs SET at = '2020-01-01 08:00:00' WHERE id = 2")
    before = everything(small)
    with pytest.raises(LimitExceeded, match=r"crm\.web_logs.*new plan"):
        run(small, plan.digest)
    assert everything(small) == before
    assert refused(small) == ["LimitExceeded"]


@pytest.mark.slow
def test_the_ledger_has_an_intent_before_and_a_receipt_after_and_nothing_personal(
    small: SmallEstate, plan: Plan
) -> None:
    run(small, plan.digest, chunk=2)
    assert receipts(small, plan)["crm.web_logs.delete"] == 19
    engine = small.estate.engine()
    text = json.dumps([dict(entry.body) for entry in engine.ledger.entries()])
    engine.close()
    assert not re.search(r"acme|person|lastname|203\.0", text, re.IGNORECASE)


def test_no_personal_value_is_left_in_the_state_folder(done: Done, plan: Plan) -> None:
    for path in done.small.estate.state.rglob("*"):
        if path.is_file():
            assert not re.search(rb"person\d+@acme|Lastname\d", path.read_bytes()), path.name
    assert not (done.small.estate.state / "plans" / plan.digest).exists()


def test_progress_names_each_step(ran: Done) -> None:
    assert ("apply crm", 19, 19, "web_logs: delete") in ran.told


# -- what it refuses, with nothing written


@pytest.fixture
def untouched(small: SmallEstate) -> Any:
    before = everything(small)
    yield
    assert everything(small) == before


@pytest.mark.usefixtures("untouched")
class TestRefusals:
    def test_an_unapproved_plan(self, small: SmallEstate) -> None:
        with pytest.raises(NotApproved):
            run(small, planned(small, approved=False, as_of=AS_OF - dt.timedelta(days=1)).digest)
        assert refused(small) == ["NotApproved"]

    def test_an_expired_approval(self, small: SmallEstate, plan: Plan) -> None:
        later = NOW + dt.timedelta(days=31)
        with pytest.raises(NotApproved, match="expired"):
            run(small, plan.digest, now=later, today=later.date())

    def test_a_superseded_plan(self, small: SmallEstate, plan: Plan) -> None:
        small.execute("crm", "DELETE FROM web_logs WHERE id = 1")
        planned(small)
        small.execute(
            "crm", "INSERT INTO web_logs VALUES (1, 'julien', '203.0.113.1', '/p?u=1', '2024-02-11 08:00:00', 1)"
        )
        with pytest.raises(NotApproved, match="superseded"):
            run(small, plan.digest)

    def test_an_as_of_date_in_the_future(self, small: SmallEstate, plan: Plan) -> None:
        yesterday = AS_OF - dt.timedelta(days=1)
        with pytest.raises(Refused, match="future"):
            run(small, plan.digest, today=yesterday)

    def test_a_changed_policy(self, small: SmallEstate, plan: Plan) -> None:
        path = small.folder / "policies" / "small.yaml"
        path.write_text(path.read_text().replace("for: 1 year", "for: 2 years"))
        with pytest.raises(PlanChanged, match="policy"):
            run(small, plan.digest)

    def test_a_changed_data_map(self, small: SmallEstate, plan: Plan) -> None:
        path = small.folder / "data_map" / "crm.yaml"
        path.write_text(path.read_text().replace("url: {category: technical.url}", "url: {category: none}"))
        with pytest.raises(PlanChanged, match="a data map has changed"):
            run(small, plan.digest)

    def test_a_hold_opened_since(self, small: SmallEstate, plan: Plan) -> None:
        engine = small.estate.engine()
        engine.holds.open("2026-17", HoldScope(store="crm"), since=AS_OF, by="legal", at=NOW)
        engine.close()
        with pytest.raises(PlanChanged, match="hold"):
            run(small, plan.digest)

    def test_a_broken_ledger(self, small: SmallEstate, plan: Plan) -> None:
        engine = small.estate.engine()
        with engine.connections.write() as connection:
            connection.exec_driver_sql("UPDATE ledger SET body = replace(body, 'dpo', 'eve')")
        engine.close()
        with pytest.raises(LedgerBroken):
            run(small, plan.digest)

    def test_an_unknown_store(self, small: SmallEstate, plan: Plan) -> None:
        with pytest.raises(UsageError, match="erp"):
            run(small, plan.digest, stores=["erp"])

    def test_a_store_that_another_run_acts_on(
        self, small: SmallEstate, plan: Plan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pipelines.apply.run.locked_by_file", lambda *place: locked_by_file(*place, patience=0.1))
        with locked_by_file(small.estate.state / "locks", "crm", "notes"), pytest.raises(DatasetBusy):
            run(small, plan.digest)

    def test_a_read_only_database(self, small: SmallEstate, plan: Plan) -> None:
        path = small.folder / "crm.sqlite"
        path.chmod(0o444)
        with pytest.raises(StoreReadOnly):
            run(small, plan.digest)
        path.chmod(0o644)
        assert refused(small) == ["StoreReadOnly"]

    def test_a_store_that_is_down(self, small: SmallEstate, plan: Plan) -> None:
        path = small.folder / "crm.sqlite"
        path.rename(small.folder / "away")
        with pytest.raises(StoreDown):
            run(small, plan.digest)
        (small.folder / "away").rename(path)

    def test_a_store_that_only_supplies_evidence_and_is_down(self, small: SmallEstate, plan: Plan) -> None:
        path = small.folder / "billing.sqlite"
        path.rename(small.folder / "away")
        with pytest.raises(StoreDown, match="billing"):
            run(small, plan.digest, stores=["crm"])
        (small.folder / "away").rename(path)

    def test_a_column_that_is_gone(self, small: SmallEstate, plan: Plan) -> None:
        small.execute("crm", "ALTER TABLE web_logs RENAME COLUMN url TO address")
        with pytest.raises(ExpectationsUnmet, match="columns missing: `url`"):
            run(small, plan.digest)
        small.execute("crm", "ALTER TABLE web_logs RENAME COLUMN address TO url")

    def test_a_technique_that_does_not_fit(self, small: SmallEstate) -> None:
        path = small.folder / "data_map" / "crm.yaml"
        path.write_text(
            path.read_text().replace(
                "phone: {category: user.contact.phone_number}",
                "phone: {category: user.contact.phone_number, technique: age_band}",
            )
        )
        confirm_maps(small.folder)
        plan = planned(small)
        with pytest.raises(Refused, match="age_band"):
            run(small, plan.digest, stores=["crm"])


def test_a_table_that_changed_since_is_refused(small: SmallEstate, plan: Plan) -> None:
    small.execute("crm", "ALTER TABLE web_logs ADD COLUMN referrer TEXT")
    before = everything(small)
    with pytest.raises(PlanChanged, match="table"):
        run(small, plan.digest)
    assert everything(small) == before


def test_a_run_whose_evidence_is_lost_is_not_resumed(small: SmallEstate, plan: Plan) -> None:
    run(small, plan.digest, stores=["billing"])
    for name in ("evidence.duckdb", "run.duckdb"):
        (small.estate.plan_folder(plan.digest) / name).unlink()
    with pytest.raises(Refused, match="evidence"):
        run(small, plan.digest)
    assert small.rows("crm", "contacts")[0]["email"] == "person1@acme.example"


# -- over PostgreSQL


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_database: PostgresDatabase) -> SmallEstate:
    return small_estate(tmp_path / "estate", (postgres_database.admin, postgres_database.read, postgres_database.write))


def test_a_role_that_may_not_write_is_refused_with_nothing_changed(on_postgres: SmallEstate) -> None:
    plan = planned(on_postgres)
    before = everything(on_postgres)
    on_postgres.execute("crm", "REVOKE UPDATE, DELETE ON contacts FROM ardoise_write")
    with pytest.raises(StoreReadOnly, match="contacts"):
        run(on_postgres, plan.digest)
    assert everything(on_postgres) == before


@pytest.mark.slow
def test_rows_that_another_session_holds_are_left_and_their_parents_wait(on_postgres: SmallEstate) -> None:
    plan = planned(on_postgres)
    engine = sa.create_engine(on_postgres.crm, poolclass=sa.NullPool)
    with engine.connect() as other, other.begin():
        other.exec_driver_sql("SELECT * FROM notes WHERE contact_id = 3 FOR UPDATE")
        summary = run(on_postgres, plan.digest)
        steps = {step.step: step for step in summary.steps}
        assert not summary.complete
        assert steps["crm.notes.anonymise.g0"].left == 2
        # The notes are linked to their person by the contact alone: it stays until they are settled.
        assert steps["crm.contacts.anonymise.g0"].acted == 0
        assert steps["crm.web_logs.delete"].complete
    again = run(on_postgres, plan.digest)
    assert again.complete
    assert again.counts == {"deleted": 5 + 19, "anonymised": 5 + 10 + 5}
    assert run(on_postgres, plan.digest).nothing_to_do
