"""Bad input through the command line, on real stores: a clear answer, a documented exit code, and nothing changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from command_line import Ran, inside
from estates import SmallEstate, small_estate
from fixtures_postgres import PostgresDatabase

from pipelines.demo.servers.postgres import PostgresServer

TABLES = {"crm": ("contacts", "notes", "web_logs"), "billing": ("customers", "contracts")}
FUTURE = "2999-01-01"


@dataclass
class Company:
    """A small estate, typed at as a person does; ``digest`` is that of the plan which was made and approved, if any."""

    small: SmallEstate
    digest: str = ""

    @property
    def folder(self) -> Path:
        return self.small.folder

    def types(self, *words: str, expect: int = 0) -> Ran:
        return inside(*words, cwd=self.folder, expect=expect)

    def refused(self, *words: str, expect: int) -> str:
        """Type a command that must be refused: the stores stay as they are, and the ledger only notes refusals."""
        stores, ledger = self.stores(), self.ledger()
        ran = self.types(*words, expect=expect)
        assert self.stores() == stores
        added = self.ledger()[len(ledger) :]
        assert self.ledger()[: len(ledger)] == ledger
        assert {entry["kind"] for entry in added} <= {"refusal"}
        assert ran.err.startswith("Error: "), ran
        assert not ran.out, ran
        assert "person" not in ran.err
        return " ".join(ran.err.split())

    def stores(self) -> str:
        """A digest of every row of every store, and of every table that is not the engine's own."""
        found: list[object] = []
        for store, tables in TABLES.items():
            url = self.small.crm if store == "crm" else self.small.billing
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            inspector = sa.inspect(engine)
            found += [name for name in inspector.get_table_names() if not name.startswith("ardoise_")]
            found += [[list(row.values()) for row in self.small.rows(store, table)] for table in tables]
        return hashlib.sha256(json.dumps(found, default=str).encode()).hexdigest()

    def ledger(self) -> list[dict[str, object]]:
        """Every entry."""
        shown = inside("ledger", "show", cwd=self.folder, expect=None)
        return [json.loads(line) for line in shown.out.splitlines()]

    def planned(self, *, approved: bool = True) -> str:
        """Make a plan, with an approval; its digest."""
        digest = str(json.loads(self.types("plan", "--json").out)["digest"])
        if approved:
            self.types("approve", digest, "--by", "dpo")
        return digest

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert before in text, (file, before)
        path.write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The estate, to be copied."""
    return Company(small_estate(tmp_path_factory.mktemp("bare") / "estate"))


@pytest.fixture(scope="module")
def approved(bare: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The estate with its approved plan, to be copied."""
    made = Company(bare.small.copied(tmp_path_factory.mktemp("approved") / "estate"))
    return Company(made.small, made.planned())


@pytest.fixture
def company(bare: Company, tmp_path: Path) -> Company:
    return Company(bare.small.copied(tmp_path / "an estate"))


@pytest.fixture
def planned(approved: Company, tmp_path: Path) -> Company:
    return Company(approved.small.copied(tmp_path / "an estate"), approved.digest)


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_database: PostgresDatabase) -> Company:
    urls = postgres_database.admin, postgres_database.read, postgres_database.write
    return Company(small_estate(tmp_path / "an estate", urls))


# ── the files ──

FIVE_MISTAKES = """policy: small
controller: JULIEN
time_zone: Europe/Paris
categories: {correspondence: Mail and notes, technical: Logs, contract: Contracts}
events: {contract_end: end, created: point}
purposes:
  contract_running:
    basis: contrakt
    source: Test, 1
    keeps: [user, correspondence]
    after: contract_end
    then: anonymise
  followup:
    basis: legitimate_interest
    keeps: [user]
    after: contract_endd
    for: 3 years
    then: anonymise
  evidence:
    basis: legal_claim
    source: Test, 3
    keeps: [contract.evidence]
    after: contract_end
    for: 0 years
    then: delete
  logs:
    basis: legitimate_interest
    source: Test, 4
    keeps: [technical]
    after: created
    for: 1 year
    then: destroy
"""


@pytest.mark.parametrize("command", ["plan", "check"])
def test_a_policy_with_five_mistakes_gets_all_five_named_with_their_lines(company: Company, command: str) -> None:
    (company.folder / "policies" / "small.yaml").write_text(FIVE_MISTAKES)

    said = company.refused(command, expect=3)

    assert "5 problems were found" in said
    for line in (8, 13, 16, 24, 32):
        assert f"policies/small.yaml:{line}: " in said, (line, said)


def test_a_map_that_names_a_column_that_is_not_there_says_which_and_what_there_is(company: Company) -> None:
    company.edit("data_map/crm.yaml", "      phone: {", "      phones: {")

    said = company.refused("plan", expect=3)

    assert "data_map/crm.yaml:15: `contacts` has no column `phones`. Did you mean `phone`?" in said


def test_broken_toml_is_named_with_its_line(company: Company) -> None:
    company.edit("ardoise.toml", 'policy = "small"', "policy = small")

    assert "ardoise.toml:6: this is no TOML" in company.refused("plan", expect=3)


def test_a_folder_that_is_no_estate_says_how_to_make_one(tmp_path: Path) -> None:
    said = inside("plan", cwd=tmp_path, expect=2).err

    assert "there is no ardoise.toml here or in a folder above" in said
    assert "`ardoise init`" in said
    assert not list(tmp_path.iterdir())


def test_a_key_file_that_others_can_read_is_not_used(planned: Company) -> None:
    (planned.folder / ".ardoise" / "key").chmod(0o644)

    said = inside("apply", cwd=planned.folder, expect=5).err

    assert "the key file can be read by others" in said
    assert "chmod 600" in said


# ── the stores ──


@pytest.mark.slow
def test_a_store_that_is_down_is_no_green_plan_and_no_run(planned: Company) -> None:
    path = planned.folder / "connections" / "crm.read"
    path.write_text("postgresql://nobody:secret-word@127.0.0.1:9/nothing")
    planned.edit("connections/crm.write", (planned.folder / "connections/crm.write").read_text(), path.read_text())

    said = planned.refused("apply", planned.digest, expect=5)
    again = planned.types("plan", expect=5)

    assert "crm: the store cannot be reached" in again.words
    assert "Bring it back, then plan again" in again.words
    assert "crm: " in said
    assert "secret-word" not in again.words + said


def test_a_store_that_went_down_for_good_stops_the_plan(on_postgres: Company, postgres_server: PostgresServer) -> None:
    digest = on_postgres.planned()
    postgres_server.kill()
    try:
        ran = on_postgres.types("apply", digest, expect=5)
        assert "crm: " in ran.err
    finally:
        postgres_server.start()
    assert {entry["kind"] for entry in on_postgres.ledger()} <= {"map_approved", "plan", "approval", "refusal"}


def test_a_dataset_that_is_suddenly_empty_waits_for_a_person(planned: Company) -> None:
    for table in ("notes", "contacts"):
        planned.small.execute("crm", f"DELETE FROM {table}")

    again = planned.types("plan", "--json", expect=4)

    digest = json.loads(again.out)["digest"]
    shown = planned.types("show", digest).words
    assert "crm.contacts: it is suddenly empty; it held 10 records. Find out why" in shown
    planned.types("approve", digest, "--by", "dpo", expect=4)
    assert "it is suddenly empty" in planned.refused("apply", digest, expect=4)


def test_an_empty_dataset_waits_again_the_next_time_and_until_the_limits_say_that_it_may_be_empty(
    planned: Company,
) -> None:
    for table in ("notes", "contacts"):
        planned.small.execute("crm", f"DELETE FROM {table}")

    for _ in range(2):
        assert "crm.contacts: it is suddenly empty" in planned.types("plan", expect=4).words

    limits = "[limits.crm.contacts]\nempty = true\n[limits.crm.notes]\nempty = true\n"
    with (planned.folder / "ardoise.toml").open("a") as toml:
        toml.write(limits)
    planned.types("plan")


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("count = 3", "crm.web_logs: 19 records are due, the limit is 3. Look, then raise the limit."),
        ("share = 0.2", "crm.web_logs: 19 of 38 records are due, the limit is 20%. Look, then raise the share."),
    ],
)
def test_a_plan_over_a_limit_waits_for_a_person(company: Company, limit: str, said: str) -> None:
    company.edit("ardoise.toml", "share = 1.0", f"share = 1.0\n[limits.crm.web_logs]\n{limit}")

    planned = company.types("plan", "--json", expect=4)
    digest = str(json.loads(planned.out)["digest"])

    assert said in company.types("show", digest).words
    company.types("approve", digest, "--by", "dpo", expect=4)
    assert "the plan itself refuses to be applied (crm.web_logs: 19 " in company.refused("apply", digest, expect=4)


def test_a_dataset_of_an_unusual_size_waits_for_a_person(company: Company) -> None:
    company.edit("ardoise.toml", "share = 1.0", "share = 1.0\ndeviation = 0.1")
    company.planned()
    company.small.execute("crm", "DELETE FROM web_logs WHERE id > 20")

    digest = str(json.loads(company.types("plan", "--json", expect=4).out)["digest"])

    said = "crm.web_logs: it holds 20 records, usually 38; the limit of deviation is 10%"
    assert said in company.types("show", digest).words
    assert "it holds 20 records" in company.refused("apply", digest, expect=4)


@pytest.mark.slow
def test_what_a_run_deletes_makes_no_size_unusual(company: Company) -> None:
    company.edit("ardoise.toml", "share = 1.0", "share = 1.0\ndeviation = 0.1")
    company.types("apply", company.planned())

    assert json.loads(company.types("plan", "--json").out)["refusals"] == []


def test_a_policy_without_purposes_is_refused(planned: Company) -> None:
    path = planned.folder / "policies" / "small.yaml"
    path.write_text(path.read_text().partition("purposes:")[0] + "purposes: {}\n")

    assert "no purpose is defined" in planned.refused("plan", expect=3)
    assert "no purpose is defined" in planned.refused("apply", planned.digest, expect=3)


def test_a_read_only_file_is_refused_before_anything_is_written(planned: Company) -> None:
    (planned.folder / "billing.sqlite").chmod(0o444)

    said = planned.refused("apply", planned.digest, expect=4)

    assert "billing: " in said
    assert "read-only" in said


@pytest.mark.slow
def test_a_role_that_may_only_read_is_refused_before_anything_is_written(on_postgres: Company) -> None:
    digest = on_postgres.planned()
    read = (on_postgres.folder / "connections" / "crm.read").read_text()
    (on_postgres.folder / "connections" / "crm.write").write_text(read)

    said = on_postgres.refused("apply", digest, expect=4)

    assert "crm: " in said


def test_a_store_without_a_write_connection_reads_only(planned: Company) -> None:
    planned.edit("ardoise.toml", 'write = "file:connections/crm.write"\n', "")

    assert "crm: " in planned.refused("apply", planned.digest, expect=4)


# ── the plan ──


def test_a_date_in_the_future_is_planned_and_never_applied(company: Company) -> None:
    planned = company.types("plan", "--as-of", FUTURE, "--json")

    digest = json.loads(planned.out)["digest"]
    assert json.loads(planned.out)["steps"]
    assert "lies in the future" in company.refused("apply", digest, expect=4)


def test_a_date_that_is_none_is_a_mistake_of_usage(company: Company) -> None:
    assert "'30.06.2026' is no date. Write it as YYYY-MM-DD" in company.refused(
        "plan", "--as-of", "30.06.2026", expect=2
    )


def test_an_unapproved_plan_is_not_applied(company: Company) -> None:
    digest = company.planned(approved=False)

    said = company.refused("apply", digest, expect=4)

    assert "no approval in the ledger allows it" in said
    assert f"`ardoise approve {digest[:12]}`" in said


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("policies/small.yaml", "for: 3 years", "for: 4 years"), "the policy of JULIEN has changed"),
        (
            ("data_map/crm.yaml", "region: {category: none}", "region: {category: user.location}"),
            "a data map has changed",
        ),
    ],
)
def test_a_plan_whose_policy_or_map_has_changed_since_is_refused(
    planned: Company, change: tuple[str, str, str], what: str
) -> None:
    planned.edit(*change)

    said = planned.refused("apply", planned.digest, expect=4)

    assert what in said
    assert "Make a new plan" in said


def test_a_plan_older_than_a_hold_is_refused(planned: Company) -> None:
    planned.types("hold", "open", "CASE-1", "--store", "crm", "--by", "dpo")

    assert "a hold was opened or released" in planned.refused("apply", planned.digest, expect=4)


def test_a_plan_older_than_its_schema_is_refused(planned: Company) -> None:
    planned.small.execute("crm", "ALTER TABLE contacts ADD COLUMN nickname TEXT")

    said = planned.refused("apply", planned.digest, expect=4)

    assert "schema" in said or "table" in said


def test_a_plan_that_nobody_made_is_a_mistake_of_usage(planned: Company) -> None:
    assert "there is no such plan" in planned.refused("apply", "0123456789ab", expect=2)
    assert "this is no plan digest" in planned.refused("show", "../../etc", expect=2)


def test_nothing_is_done_on_a_ledger_that_was_tampered_with(planned: Company) -> None:
    engine = sa.create_engine(f"sqlite:///{planned.folder / '.ardoise' / 'engine.sqlite'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE ledger SET body = replace(body, 'dpo', 'ceo') WHERE kind = 'approval'")
    before = planned.stores()

    planned.types("apply", planned.digest, expect=7)
    verified = planned.types("ledger", "verify", expect=7)

    approval = next(each["sequence"] for each in planned.ledger() if each["kind"] == "approval")
    assert f"entry {approval} " in verified.out
    assert planned.stores() == before
