"""Copies in a store are told by the plan, and searched after a run for what was acted on.

Histories, views, row versions, documents; and what triggers would write when rows are deleted, along foreign keys too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from approving import confirm_maps
from expected_estate import ENGINES, TODAY, ExpectedEstate, on_engine
from fixtures_sql import Shop
from running import applied, made, noon, planned, unexpecting

from connectors.sql.copies import find_copies
from connectors.sql.journal import Chunk
from expectations.canaries import Canaries
from expectations.findings import Finding, Severity
from pipelines.data_map.model import DatasetMap, FieldMap, Parent
from pipelines.plan.artefact import Action, Plan, Step
from pipelines.plan.copies import Copies
from pipelines.report.wording import Wording
from pipelines.verify import verify
from pipelines.verify.copies import NOWHERE_ELSE, copy_probes
from retention_rules.policy_table import Language

DAY = dt.date(2026, 6, 30)
DUE, LIVING = 20, 20
"""Of the people: those whose name and address go, and those who keep them. The notes of all of them go."""

CANARY = "zephyrine.2@example.org"
"""The address of somebody who is due."""

INTO = {
    "sqlite": "json_object('id', {0}.id, 'email', {0}.email)",
    "postgresql": "jsonb_build_object('id', {0}.id, 'email', {0}.email)",
    "mariadb": "json_object('id', {0}.id, 'email', {0}.email)",
}
"""A row of people as a document."""


@pytest.fixture(params=ENGINES)
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExpectedEstate]:
    with on_engine(request, tmp_path) as made:
        yield made


def dialect(expected: ExpectedEstate) -> str:
    return expected.admin.partition(":")[0].partition("+")[0]


def copied(expected: ExpectedEstate) -> None:
    """Histories of every kind, all filled before the run: only a trigger on insertion, so that nothing spills."""
    kind = dialect(expected)
    document = INTO[kind]
    expected.run(
        "CREATE TABLE people_history (person_id INTEGER, old_email VARCHAR(80), name VARCHAR(40), at VARCHAR(30))",
        "INSERT INTO people_history SELECT id, email, name, '2020' FROM people",
        "INSERT INTO people_history SELECT id, email, name, '2021' FROM people WHERE id <= 4",
        "CREATE TABLE visits_log (id INTEGER, place VARCHAR(20), cents INTEGER, at VARCHAR(30))",
        "INSERT INTO visits_log SELECT id, place, cents, '' FROM visits",
        "CREATE TABLE happened (n INTEGER, table_name VARCHAR(20), what "
        f"{'JSONB' if kind == 'postgresql' else 'VARCHAR(400)'})",
        f"INSERT INTO happened SELECT 1, 'people', {document.format('people')} FROM people",
        f"INSERT INTO happened SELECT 2, 'others', {document.format('people')} FROM people",
    )
    insertion = f"INSERT INTO happened VALUES (3, 'people', {document.format('NEW')})"
    if kind == "postgresql":
        expected.run(
            f"CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insertion}; RETURN NULL; END $$",
            "CREATE TRIGGER telling AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION tell()",
            "CREATE MATERIALIZED VIEW reached AS SELECT id, email FROM people",
            "REVOKE MAINTAIN ON reached FROM ardoise_write",
        )
    else:
        expected.run(f"CREATE TRIGGER telling AFTER INSERT ON people FOR EACH ROW BEGIN {insertion}; END")


def told(expected: ExpectedEstate, plan: Plan) -> dict[str, Finding]:
    """What is said of copies, by measure; it never holds a value."""
    found = verify(expected.estate, plan.digest, now=noon(TODAY), today=TODAY)
    assert "zephyrine" not in repr(found).lower()
    return {each.measure: each for each in found if each.expectation == NOWHERE_ELSE}


@pytest.mark.slow
def test_what_was_acted_on_is_searched_in_every_copy(expected: ExpectedEstate) -> None:
    copied(expected)
    kind = dialect(expected)
    at = "public." if kind == "postgresql" else ""
    if kind == "mariadb":
        expected.run("ALTER TABLE people ADD SYSTEM VERSIONING")
        refused = made(expected.estate, "EXPECTED", TODAY).refusals
        assert [each.dataset for each in refused if "is system-versioned" in each.reason] == ["people"]
        expected.run("ALTER TABLE people DROP SYSTEM VERSIONING")
    plan = planned(expected.estate, "EXPECTED", TODAY)
    remarks = " ".join(plan.warnings)
    assert f"{at}people_history looks like a history of it and is not in the data map" in remarks
    assert f"triggers write from it into {at}happened, which is not in the data map" in remarks
    if kind == "mariadb":  # what began to keep its versions since the plan was made
        expected.run("ALTER TABLE people ADD SYSTEM VERSIONING")
    assert applied(expected.estate, plan, TODAY, expect=unexpecting).complete
    found = told(expected, plan)
    gone = 120 - len(expected.rows("visits"))
    assert gone > 0
    former = "with former values of anonymised records"
    counted = {
        f"rows of {at}people_history {former}": DUE + 2,
        f"rows of {at}happened {former}": DUE,
        f"rows of {at}visits_log {former}": 0,
        f"rows of {at}visits_log with values of records that are gone": gone,
    }
    warned = dict(counted)
    if kind == "postgresql":
        counted["rows of public.reached that its definition does not give any more"] = DUE
    if kind == "mariadb":
        counted[f"rows of people {former}"] = DUE + LIVING
    assert {measure: each.seen for measure, each in found.items()} == counted
    assert {measure for measure, each in found.items() if each.severity is Severity.WARNING} == set(warned)
    assert {measure for measure, each in found.items() if each.blocking} == set(counted) - set(warned)
    french = Wording(Language.FRENCH)
    assert all(french.said(each.measure) and french.said(each.remedy) for each in found.values())
    assert all(french.said(each) for each in plan.warnings if "data map" in each)
    canaries = Canaries((CANARY,))
    places = {hit.place.rpartition(".")[2] for hit in canaries.search_sql(expected.admin)}
    beside = {"postgresql": {"reached"}, "mariadb": {"people"}}.get(kind, set())
    assert places == {"people_history", "happened", *beside}

    expected.run("DELETE FROM people_history", "DELETE FROM happened", "DELETE FROM visits_log")
    if kind == "postgresql":
        expected.run("REFRESH MATERIALIZED VIEW reached")
    if kind == "mariadb":
        expected.run("DELETE HISTORY FROM people")
    assert {each.seen for each in told(expected, plan).values()} == {0}
    assert canaries.search_sql(expected.admin) == []


@pytest.mark.parametrize(
    ("mapped", "severity", "remedy"),
    [
        ((), Severity.WARNING, "Map contacts_history, or empty it by hand."),
        ((DatasetMap(source="contacts_history", controller="SHOP"),), Severity.WARNING, "let contacts_history inherit"),
        (
            (DatasetMap(source="contacts_history", controller="SHOP",
                        inherits=(Parent(dataset="contacts", on={"contact_id": "id"}),)),),
            Severity.CRITICAL, "contacts_history inherits from contacts in the data map",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_what_the_data_map_answers_for_fails_and_what_it_does_not_name_is_a_warning(
    shop: Shop, mapped: tuple[DatasetMap, ...], severity: Severity, remedy: str
) -> None:
    shop.run("CREATE TABLE contacts_history (contact_id integer, email varchar(200), first_name varchar(40))")
    shop.run("INSERT INTO contacts_history SELECT id, email, first_name FROM contacts")
    shop.run("UPDATE contacts SET email = NULL WHERE id <= 5")
    table, journal = shop.connector.table(shop.contacts), shop.connector.journal
    with shop.connector.writing() as connection, connection.begin():
        chunk = Chunk("plan", "step", "contacts", 0)
        journal.marks.mark(connection, chunk, table, ("id",), [("user.contact.email", ["email"], table.c.id <= 5)])
    fields = {"email": FieldMap(category="user.contact.email"), "first_name": FieldMap(category="user.name")}
    contacts = {"contacts": DatasetMap(source="contacts", controller="SHOP", key=("id",), fields=fields)}
    maps = {**contacts, **dict(zip(["history"], mapped, strict=False))}
    with shop.connector.reading() as connection:
        (found,) = copy_probes(connection, shop.connector.inspect(), contacts, maps, [])
    assert (found.dataset, found.seen, found.severity) == ("contacts", 5, severity)
    assert remedy in found.remedy


HISTORY = """
  history:
    source: people_history
    controller: EXPECTED
    key: [n]
    inherits: [{dataset: people, on: {person_id: id}}]
    fields:
      n: {category: none}
      person_id: {category: none}
      email: {category: user.contact.email}
      name: {category: user.name}
    approved: {by: dpo, on: 2026-06-01}
"""


@pytest.mark.slow
@pytest.mark.parametrize("expected", ["sqlite"], indirect=True)
def test_a_history_that_is_mapped_goes_with_what_it_is_of_and_has_nothing_left(expected: ExpectedEstate) -> None:
    expected.run(
        "CREATE TABLE people_history (n INTEGER PRIMARY KEY, person_id INTEGER, email VARCHAR(80), name VARCHAR(40))",
        "INSERT INTO people_history SELECT NULL, id, 'old.' || email, name FROM people",
    )
    path = expected.folder / "data_map" / "shop.yaml"
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + HISTORY, encoding="utf-8")
    confirm_maps(expected.folder)
    plan = planned(expected.estate, "EXPECTED", TODAY)
    assert applied(expected.estate, plan, TODAY, expect=unexpecting).complete
    (clean,) = told(expected, plan).values()
    assert (clean.dataset, clean.seen, clean.severity) == ("people", 0, Severity.CRITICAL)
    expected.run("UPDATE people_history SET email = 'known@example.org' WHERE person_id = 2")
    (found,) = told(expected, plan).values()
    assert found.seen == 1
    assert found.blocking


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_a_copy_that_may_not_be_read_has_not_passed(shop: Shop) -> None:
    shop.run("CREATE TABLE contacts_history (contact_id integer, email varchar(200), first_name varchar(40))")
    shop.run("REVOKE ALL ON contacts_history FROM ardoise_read")
    fields = {"email": FieldMap(category="user.contact.email")}
    contacts = {"contacts": DatasetMap(source="public.contacts", controller="SHOP", key=("id",), fields=fields)}
    with shop.connector.reading() as connection:
        (found,) = copy_probes(connection, shop.connector.inspect(), contacts, contacts, [])
        assert connection.exec_driver_sql("SELECT count(*) FROM contacts").scalar_one() == 100
    assert found.seen is None
    assert "which the reading role may not look at" in found.measure


def remarks(shop: Shop, action: Action, *mapped: str) -> list[str]:
    """What is said of a step over the contacts; ``mapped`` are tables of the data map beside them."""
    inventory = shop.connector.inspect()
    sources = {name: next(each.location for each in inventory.datasets if each.location.endswith(name))
               for name in ("contacts", *mapped)}  # fmt: skip
    with shop.connector.reading() as connection:
        found = tuple(find_copies(connection, inventory))
        copies = Copies("shop", sources, found, inventory, connection.dialect.name)
    step = Step("s1", "shop", "contacts", action, ("user",), ("email",), (("gone", 1),), 1, DAY, DAY, 1)
    return list(copies.remarks([step]))


def watch(shop: Shop, table: str, event: str, into: str) -> None:
    shop.run(f"CREATE TABLE {into} (n integer, what varchar(400))")
    body = f"INSERT INTO {into} VALUES (OLD.id, 'what was there')"
    if shop.admin.dialect.name == "postgresql":
        shop.run(f"CREATE FUNCTION {into}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$")
        shop.run(f"CREATE TRIGGER to_{into} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {into}()")
    else:
        shop.run(f"CREATE TRIGGER to_{into} AFTER {event} ON {table} FOR EACH ROW BEGIN {body}; END")


def test_what_triggers_write_on_deletion_is_said_whether_mapped_or_not(shop: Shop) -> None:
    watch(shop, "contacts", "DELETE", "past")
    (said,) = remarks(shop, Action.DELETE)
    assert said.startswith("shop.contacts: deleting its rows fires triggers of ")
    assert "(to_past) that write into " in said
    assert remarks(shop, Action.DELETE, "past") == [said]
    (other,) = remarks(shop, Action.ANONYMISE)
    assert "triggers write from it into" in other
    assert remarks(shop, Action.ANONYMISE, "past") == []


def test_a_plan_says_where_a_trigger_on_update_leaves_verification_the_key_alone(expected: ExpectedEstate) -> None:
    def said(plan: Plan) -> list[str]:
        return [each for each in plan.warnings if "verification can compare the key alone" in each]

    assert said(made(expected.estate, "EXPECTED", TODAY)) == []
    expected.run("CREATE TABLE tallied (n INTEGER)", "CREATE TABLE touched (n INTEGER)")
    for event, table, name in (("UPDATE", "people", "tallied"), ("INSERT", "people", "touched")):
        body = f"INSERT INTO {name} VALUES (1)"
        if dialect(expected) == "postgresql":
            function = (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NEW; END $$"
            )
            each = f"EXECUTE FUNCTION {name}()"
            expected.run(function)
        else:
            each = f"BEGIN {body}; END"
        expected.run(f"CREATE TRIGGER to_{name} AFTER {event} ON {table} FOR EACH ROW {each}")
    (told,) = said(made(expected.estate, "EXPECTED", TODAY))
    assert told.startswith("shop.people: triggers on UPDATE (to_tallied) could write any column of its rows")
    assert "déclencheurs sur UPDATE (to_tallied)" in str(Wording(Language.FRENCH).said(told))


def test_rows_that_go_or_change_with_those_that_they_reference_fire_triggers_too(shop: Shop) -> None:
    watch(shop, "visits", "DELETE", "past_visits")
    watch(shop, "notes", "UPDATE", "past_notes")
    watch(shop, "visits", "UPDATE", "changed_visits")
    said = " ".join(remarks(shop, Action.DELETE))
    if shop.admin.dialect.name in {"mysql", "mariadb"}:  # where a foreign key fires no trigger
        assert said == ""
        return
    assert "visits (to_past_visits) that write into" in said
    assert "notes (to_past_notes) that write into" in said
    assert "changed_visits" not in said
    assert remarks(shop, Action.ANONYMISE) == []
