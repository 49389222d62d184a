"""Columns of small tables, French and English, with what a reviewer would say of them."""

from __future__ import annotations

import datetime as dt
import decimal
import random
import uuid
from collections.abc import Callable
from typing import Any

import faker
import pytest

from pipelines.classify import Column, Table, Verdict, classify
from pipelines.classify import categories as c

ROWS = 80
NOT = "not personal"

Maker = Callable[[faker.Faker, random.Random], Any]

FRENCH: dict[str, tuple[str, Maker, str]] = {
    "id": ("INTEGER", lambda _f, r: r.randrange(10**9, 10**10), NOT),
    "civilite": ("TEXT", lambda _f, r: r.choice(["M.", "Mme"]), c.GENDER),
    "nom": ("TEXT", lambda f, _r: f.last_name(), c.LAST_NAME),
    "prenom": ("TEXT", lambda f, _r: f.first_name(), c.FIRST_NAME),
    "courriel": ("TEXT", lambda f, _r: f.email(), c.EMAIL),
    "contact_urgence_tel": ("TEXT", lambda f, _r: f.phone_number(), c.PHONE),
    "tel_mobile": ("TEXT", lambda f, _r: f.phone_number(), c.PHONE),
    "adresse": ("TEXT", lambda f, _r: f.street_address(), c.STREET),
    "cp": ("TEXT", lambda f, _r: f.postcode(), c.POSTCODE),
    "ville": ("TEXT", lambda f, _r: f.city(), c.CITY),
    "dt_naiss": ("DATE", lambda f, _r: f.date_of_birth(), c.BIRTH),
    "num_secu": ("TEXT", lambda f, _r: f.ssn(), c.NATIONAL_ID),
    "compte": ("TEXT", lambda f, _r: f.iban(), c.BANK),
    "date_creation": ("TIMESTAMP", lambda f, _r: f.date_time(), NOT),
    "montant_ttc": ("NUMERIC(10,2)", lambda _f, r: decimal.Decimal(r.randrange(10**6)) / 100, NOT),
    "no_commande": ("TEXT", lambda _f, r: f"CMD-{r.randrange(10**6):06}", NOT),
    "statut": ("TEXT", lambda _f, r: r.choice(["ouvert", "clos"]), NOT),
    "actif": ("BOOLEAN", lambda _f, r: r.random() < 0.5, NOT),
}

ENGLISH: dict[str, tuple[str, Maker, str]] = {
    "uuid": ("UUID", lambda _f, r: uuid.UUID(int=r.getrandbits(128)), NOT),
    "FirstName": ("VARCHAR(40)", lambda f, _r: f.first_name(), c.FIRST_NAME),
    "LastName": ("VARCHAR(40)", lambda f, _r: f.last_name(), c.LAST_NAME),
    "EmailAddress": ("VARCHAR(99)", lambda f, _r: f.email(), c.EMAIL),
    "JobTitle": ("VARCHAR(99)", lambda f, _r: f.job(), c.JOB),
    "BirthDate": ("DATETIME", lambda f, _r: f.date_of_birth(), c.BIRTH),
    "Address1": ("VARCHAR(99)", lambda f, _r: f.street_address(), c.STREET),
    "ZipCode": ("VARCHAR(9)", lambda f, _r: f.postcode(), c.POSTCODE),
    "Company": ("VARCHAR(99)", lambda f, _r: f.company(), c.WORKPLACE),
    "last_ip": ("INET", lambda f, _r: f.ipv4(), c.IP),
    "card_number": ("TEXT", lambda f, _r: f.credit_card_number("visa"), c.CARD),
    "EmailVerified": ("TEXT", lambda _f, r: r.choice(["yes", "no"]), NOT),
    "HireDate": ("DATE", lambda f, _r: f.date_object(), NOT),
    "Score": ("INTEGER", lambda _f, r: r.randrange(100), NOT),
    "OrderNumber": ("BIGINT", lambda _f, r: r.randrange(10**9, 10**10), NOT),
    "order_ref": ("TEXT", lambda _f, r: str(r.randrange(10**9, 10**10)), NOT),
    "updated": ("TEXT", lambda f, _r: f.date_time().isoformat(), NOT),
}


def table(name: str, locale: str, makers: dict[str, tuple[str, Maker, str]]) -> Table:
    fake, chance = faker.Faker(locale), random.Random(7)
    fake.seed_instance(7)
    columns = [
        Column(
            column,
            type_,
            [None if place % 9 == 8 else make(fake, chance) for place in range(ROWS)],
            ROWS,
            key=column in {"id", "uuid"},
        )
        for column, (type_, make, _) in makers.items()
    ]
    return Table(name, tuple(columns))


@pytest.mark.parametrize(
    ("name", "locale", "makers"),
    [("adherents", "fr_FR", FRENCH), ("Customer", "en_GB", ENGLISH)],
    ids=["french", "english"],
)
def test_columns_are_what_a_reviewer_would_say(
    name: str, locale: str, makers: dict[str, tuple[str, Maker, str]]
) -> None:
    verdicts = classify([table(name, locale, makers)])[name]
    said = {each.column: each.category if each.personal else each.verdict.value for each in verdicts}
    assert said == {column: expected for column, (_, _, expected) in makers.items()}


def column(name: str, values: list[Any], type_: str = "TEXT") -> Any:
    return classify([Table("things", (Column(name, type_, values, len(values)),))])["things"][0]


def test_every_verdict_has_evidence_and_quotes_no_value() -> None:
    made = table("adherents", "fr_FR", FRENCH)
    values = {str(value) for each in made.columns for value in each.values if isinstance(value, str) and len(value) > 4}
    for verdict in classify([made])["adherents"]:
        assert verdict.evidence
        assert not any(value in str(each) for each in verdict.evidence for value in values)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([random.Random(3).randrange(10**9, 10**10) for _ in range(50)], "BIGINT"),
        ([str(1_000_000_000 + 7919 * place) for place in range(50)], "TEXT"),
        ([str(4_000_000_000_000_000 + 7919 * place) for place in range(50)], "TEXT"),
        ([decimal.Decimal(place) / 7 for place in range(50)], "NUMERIC"),
        ([dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=place) for place in range(50)], "TIMESTAMP"),
        ([f"{place:03}.{place:02}" for place in range(50)], "TEXT"),
        (["732829320", "732829320", "404833048", "552100554"], "TEXT"),
    ],
    ids=["integers", "digits", "sixteen digits", "decimals", "instants", "codes", "SIREN"],
)
def test_numbers_dates_and_codes_are_not_personal(values: list[Any], type_: str) -> None:
    assert column("valeur", values, type_).verdict is Verdict.NOT_PERSONAL


def test_a_city_is_personal_beside_a_person_and_not_beside_a_warehouse() -> None:
    city = Column("city", "TEXT", ["Paris", "Lyon", "Nantes", "Lille"], 4)
    person = Column("email", "TEXT", ["a@example.org", "b@example.org"], 2)
    stock = Column("stock", "INTEGER", [1, 2, 3], 3)
    said = classify([Table("contacts", (person, city)), Table("warehouses", (stock, city))])
    assert said["contacts"][1].category == c.CITY
    assert said["warehouses"][1].verdict is Verdict.NOT_PERSONAL


def test_an_address_is_personal_in_a_table_that_points_at_persons() -> None:
    person = Column("email", "TEXT", ["a@example.org", "b@example.org"], 2)
    city = Column("billing_city", "TEXT", ["Paris", "Lyon"], 2)
    said = classify([Table("clients", (person,)), Table("orders", (city,), references=("clients",))])
    assert said["orders"][0].category == c.CITY


def test_product_names_are_not_personal_and_an_author_is_for_a_person_to_judge() -> None:
    names = [f"Lampe de bureau modèle {place}" for place in range(40)]
    said = classify([Table("products", (Column("name", "TEXT", names, 40),))])["products"][0]
    assert said.verdict is Verdict.NOT_PERSONAL


@pytest.mark.slow
def test_free_text_is_personal_when_persons_are_in_it_and_for_review_when_not() -> None:
    of_persons = ["Madame Éloïse Garnier a rappelé, son numéro est le 06 12 34 56 78, voir demain matin."] * 3
    of_nobody = ["La livraison est arrivée en retard et le carton était abîmé, voir avec le transporteur demain."] * 3
    assert column("note", of_persons).category == c.TEXT
    assert column("note", of_persons).personal
    assert column("note", of_nobody).verdict is Verdict.REVIEW


def test_a_name_that_its_values_contradict_is_for_review() -> None:
    said = column("email", ["oui", "non", "peut-être"])
    assert (said.verdict, said.category) == (Verdict.REVIEW, c.EMAIL)


def test_a_column_without_name_or_values_is_never_silently_not_personal() -> None:
    assert column("zz_libre", []).verdict is Verdict.REVIEW


def test_missing_values_of_all_kinds_are_no_evidence() -> None:
    assert column("valeur", [None, float("nan"), "", "  "]).verdict is Verdict.REVIEW


def test_the_sample_is_stable_whatever_the_order() -> None:
    values = [f"user{place}@example.org" for place in range(500)]
    shuffled = list(values)
    random.Random(1).shuffle(shuffled)
    assert column("contact", values) == column("contact", shuffled)


def verdicts(table: str, /, **columns: list[Any]) -> dict[str, tuple[str, str | None]]:
    made = tuple(Column(column, "TEXT", values, len(values)) for column, values in columns.items())
    return {each.column: (each.verdict.value, each.category) for each in classify([Table(table, made)])[table]}


PEOPLE = ["Solène Kervella", "Thibault Mazurier", "Yasmina Benali", "Hervé Lecointre", "Maud Rambaud", "Loïc Verdier"]
LAMPS = ["Lampe torche LED", "Chaise pliante hêtre", "Vis inox 4x40", "Joint silicone", "Colle néoprène", "Bâche 4x5"]
FIRMS = ["Garage des Alpes SARL", "SAS Boulons du Nord", "Acme Fasteners Inc", "Cabinet Lorient Conseil", "Ets Pruvost"]


def test_values_decide_where_the_name_is_wrong() -> None:
    said = verdicts(
        "zz_import", ref=["a@exemple.fr", "b@exemple.fr"], name=LAMPS, code=PEOPLE, email=["oui", "non"] * 20
    )
    assert said["ref"] == ("personal", c.EMAIL)
    assert said["name"] == (NOT, None)
    assert said["code"] == ("personal", c.NAME)
    assert said["email"] == (NOT, None)


def test_a_name_column_of_companies_is_not_of_persons() -> None:
    said = verdicts("tiers_divers", nom=FIRMS)
    assert said["nom"] == (NOT, None)


def test_mixed_contents_have_the_category_that_they_share() -> None:
    mixed = [f"06 12 34 56 {place:02}" for place in range(20)] + [f"a{place}@exemple.fr" for place in range(20)]
    assert verdicts("t", coordonnees=mixed)["coordonnees"] == ("personal", c.CONTACT)


def test_a_few_addresses_among_codes_are_enough() -> None:
    values = [f"REF-{place:04}" for place in range(36)] + [f"client{place}@exemple.fr" for place in range(4)]
    assert verdicts("t", ref=values)["ref"] == ("personal", c.EMAIL)


def test_an_address_with_its_name_is_an_address() -> None:
    values = [f"Anne Quéré <anne{place}@exemple.fr>" for place in range(20)]
    assert verdicts("t", de=values)["de"] == ("personal", c.EMAIL)


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (["M", "F"] * 10, c.GENDER),
        (["Mme", "M."] * 10, c.GENDER),
        (["célibataire", "marié(e)", "divorcée", "pacsé"] * 5, c.MARITAL),
        (["A+", "O-", "AB+"] * 5, c.HEALTH),
        (["française", "belge", "portugaise"] * 5, c.DEMOGRAPHIC),
    ],
)
def test_short_lists_tell_what_they_are_beside_a_person_and_not_beside_goods(values: list[str], category: str) -> None:
    assert verdicts("salaries", champ7=values)["champ7"] == ("personal", category)
    assert verdicts("produits", champ7=values)["champ7"] == (NOT, None)


@pytest.mark.parametrize("state", [["paid", "shipped", "cancelled"], ["en cours", "livrée", "annulée"]])
def test_the_state_of_an_order_is_no_region(state: list[str]) -> None:
    assert verdicts("customers", email=["a@b.fr", "c@d.fr"], state=state * 10)["state"] == (NOT, None)


def test_a_company_has_premises_and_its_contact_is_a_person() -> None:
    street = ["12 rue des Tanneurs", "3 quai Saint-Michel"] * 3
    said = verdicts("fournisseurs", raison_sociale=FIRMS, adresse=street, ville=["Gap", "Dole"] * 3, nom_contact=PEOPLE)
    assert said["raison_sociale"] == said["adresse"] == said["ville"] == (NOT, None)
    assert said["nom_contact"] == ("personal", c.NAME)


def test_addresses_of_functions_of_a_company_are_for_review() -> None:
    shared = [f"contact@firme{place}.fr" for place in range(9)]
    own = [f"anne.quere{place}@firme.fr" for place in range(9)]
    assert verdicts("fournisseurs", mail=shared)["mail"] == ("for review", c.EMAIL)
    assert verdicts("fournisseurs", mail=own)["mail"] == ("personal", c.EMAIL)


def test_a_list_of_jobs_is_nobodys_and_an_employees_job_is() -> None:
    jobs = ["Comptable", "Chargée de mission", "Aide-soignante"]
    assert verdicts("jobs", job_title=jobs)["job_title"] == (NOT, None)
    assert verdicts("employees", job_title=jobs)["job_title"] == ("personal", c.JOB)


@pytest.mark.parametrize("type_", ["jsonb", "TEXT", ""])
def test_json_is_classified_inside(type_: str) -> None:
    client = '{"mail": "a%d@exemple.fr", "cp": "29000"}'
    values = [
        f'{{"client": {client % place}, "lignes": [{{"sku": "A-{place}"}}], "actif": true}}' for place in range(20)
    ]
    said = classify([Table("t", (Column("charge", type_, values, 20),))])["t"][0]
    inside = {each.column: (each.verdict.value, each.category) for each in said.inside}
    assert (said.verdict.value, said.category) == ("personal", c.CONTACT)
    assert inside == {
        "client.mail": ("personal", c.EMAIL),
        "client.cp": ("personal", c.POSTCODE),
        "lignes[].sku": (NOT, None),
        "actif": (NOT, None),
    }


def test_json_keys_that_are_data_are_never_said() -> None:
    values = [f'{{"zephyrine{place}@exemple.fr": {{"age": {place}}}, "0612345678": 1}}' for place in range(20)]
    said = classify([Table("t", (Column("charge", "jsonb", values, 20),))])["t"][0]
    assert {each.column for each in said.inside} == {"(keys)", "*.age", "*"}


def test_json_settings_are_not_personal() -> None:
    values = [f'{{"theme": "dark", "pageSize": {place}}}' for place in range(20)]
    said = classify([Table("t", (Column("reglages", "jsonb", values, 20),))])["t"][0]
    assert said.verdict is Verdict.NOT_PERSONAL


def test_numbers_need_a_name_and_codes_of_persons_count() -> None:
    def number(table: str, name: str, values: list[int]) -> tuple[str, str | None]:
        said = classify([Table(table, (Column(name, "INTEGER", values, len(values)),))])[table][0]
        return said.verdict.value, said.category

    assert number("salaries", "sexe", [1, 2] * 10) == ("personal", c.GENDER)
    assert number("salaries", "sal", list(range(2000, 2040))) == ("personal", c.SALARY)
    assert number("colis", "poids", list(range(1, 30))) == (NOT, None)
    assert number("salaries", "matricule", list(range(1, 30))) == (NOT, None)
    assert number("commandes", "mobile", [0, 1] * 20) == (NOT, None)


def said_of(name: str, type_: str, values: list[Any], table: str = "t", **others: list[Any]) -> tuple[str, str | None]:
    """The verdict on one column of a type, and its category; ``others`` are columns beside it."""
    beside = (Column(other, "TEXT", texts, len(texts)) for other, texts in others.items())
    first = classify([Table(table, (Column(name, type_, values, len(values)), *beside))])[table][0]
    return first.verdict.value, first.category


def test_half_a_character_stops_nothing() -> None:
    assert said_of("e_mail", "TEXT", ["\ud800anne.quere@exemple.fr", "jean.riou@exemple.fr"]) == ("personal", c.EMAIL)
    assert said_of("remarques", "TEXT", ["Rappeler Anne Quéré \udcff au 06 12 34 56 78"])[0] == "personal"


@pytest.mark.parametrize("type_", ["point", "geometry(Point,4326)", "geography"])
def test_a_place_on_a_map_is_a_persons_where_the_table_says_so(type_: str) -> None:
    assert said_of("xy", type_, ["(48.85,2.35)"] * 3, prenom=["Anne", "Jean", "Luc"]) == ("personal", c.LOCATION)
    assert said_of("xy", type_, ["(48.85,2.35)"] * 3, table="entrepots") == (NOT, None)


@pytest.mark.parametrize("type_", ["print_date", "appointment_kind", "image_of"])
def test_a_type_of_somebodys_own_is_not_taken_for_one_that_its_name_holds(type_: str) -> None:
    assert said_of("email", type_, ["anne.quere@exemple.fr"] * 3) == ("personal", c.EMAIL)
    assert said_of("x", type_, ["anne.quere@exemple.fr", "jean.riou@exemple.fr"]) == ("personal", c.EMAIL)


def test_values_of_several_types_are_judged_as_texts() -> None:
    assert said_of("x", "", [7, "anne.quere@exemple.fr", "jean.riou@exemple.fr"]) == ("personal", c.EMAIL)


def test_json_keys_that_are_addresses_make_the_column_personal_and_are_not_said() -> None:
    for documents in (
        [f'{{"anne{place}.quere@exemple.fr": {place}, "total": 3}}' for place in range(60)],
        ["{" + ", ".join(f'"anne{place}.quere@exemple.fr": {place}' for place in range(60)) + "}"],
    ):
        said = classify([Table("t", (Column("votes", "json", documents, 60),))])["t"][0]
        assert (said.verdict, said.category) == (Verdict.PERSONAL, c.EMAIL)
        assert "quere" not in repr(said)


def test_accounts_in_a_column_of_who_did_it() -> None:
    accounts = [f"{letter}{name}" for letter in "abcd" for name in ("quere", "riou", "legoff", "smith", "jones", "lee")]
    assert said_of("lst_upd_usr", "TEXT", accounts) == ("personal", c.USERNAME)
    assert said_of("maj_type_usr", "TEXT", ["A", "B"] * 20)[0] == NOT


def test_the_address_of_a_client_is_no_machines() -> None:
    addresses = [f"10.2.3.{place}" for place in range(9)]
    assert said_of("client_ip", "TEXT", addresses, table="domain_events") == ("personal", c.IP)
    assert said_of("ip", "TEXT", addresses, table="servers") == ("for review", c.IP)


@pytest.mark.parametrize("key", ["{name}", "{name}_riou", "{name}Quere"])
def test_names_of_persons_that_are_keys_are_never_said(key: str) -> None:
    people = ["jean", "marie", "paul", "anne", "luc", "sophie", "hugo", "karim"]
    documents = [
        f'{{"votes": {{"{key.format(name=name)}": {place}}}, "theme": "dark"}}' for place, name in enumerate(people)
    ]
    said = classify([Table("t", (Column("extra", "json", documents, len(documents)),))])["t"][0]
    assert {each.column for each in said.inside} == {"votes.(keys)", "votes.*", "theme"}
    assert said.verdict is not Verdict.NOT_PERSONAL
    assert "sophie" not in repr(said)
