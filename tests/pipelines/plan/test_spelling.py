"""What an engine computes of an address or a name is what Python computes: both sides meet."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence

import duckdb
import pytest
import sqlalchemy as sa
from fixtures_postgres import PostgresServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from connectors.digests import DigestKey
from connectors.spelling import ANY, BLANKS, DOTLESS, PLUS, canonical_email, loose_email
from connectors.spelling import folded as folded_in_python
from connectors.sql.engines import prepare_sqlite
from connectors.sql.spelling import folded, joined
from pipelines.data_map.model import SubjectLink
from pipelines.plan.dialects import run
from pipelines.plan.links import Key, forms, spelled
from pipelines.subjects import canonical_name

Ask = Callable[..., list[tuple[object, ...]]]
"""What an engine makes of texts (the column x): a row each."""

TEXTS = sa.table("texts", sa.column("n", sa.Integer()), sa.column("x", sa.Text()))

LOCALS = st.one_of(
    st.from_regex(r"[A-Za-z0-9._+'-]{1,12}", fullmatch=True),
    st.from_regex(r"[a-z0-9._-]{1,12}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
    st.sampled_from(["Anne.Dupont", "a+Lettre", "+", "+x", ".", "élodie", "Ë.l+o", "a\u0301", "\u212aelvin", "\u0130"]),
)
DOMAINS = st.one_of(
    st.sampled_from(sorted({*DOTLESS, *PLUS, "acme.example", "GMAIL.com", "Googlemail.COM", "société.example"})),
    st.sampled_from(
        ["xn--socit-esab.example", "a.xn--socit-esab.example", "xn--99999", "exämple .de", "acme.example."]
    ),
    st.from_regex(r"[a-zA-Z0-9-]{1,10}(\.[a-zA-Z]{2,5}){1,2}", fullmatch=True),
)
EDGES = st.text(st.sampled_from(BLANKS), max_size=2)
ADDRESSES = st.builds(lambda *parts: "".join(parts), EDGES, LOCALS, st.just("@"), DOMAINS, EDGES)
ANYTHING = st.one_of(ADDRESSES, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))


@pytest.fixture(scope="module")
def engines(postgres_server: PostgresServer) -> Iterator[dict[str, Ask]]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        prepare_sqlite(connection)
        return connection

    postgresql = sa.create_engine(postgres_server.url())
    made = {"postgresql": postgresql, "sqlite": sa.create_engine("sqlite://", creator=connect)}
    opened = {name: engine.connect() for name, engine in made.items()}
    duck = duckdb.connect()

    duck.execute("CREATE TABLE texts (n INTEGER, x TEXT)")
    for connection in opened.values():
        connection.exec_driver_sql("CREATE TEMPORARY TABLE texts (n INTEGER, x TEXT)")

    def asking(name: str) -> Ask:
        def ask(
            texts: Sequence[str], *forms: sa.ColumnElement[object], rows: sa.FromClause = TEXTS
        ) -> list[tuple[object, ...]]:
            query = sa.select(*forms).select_from(rows).order_by(rows.c.n)
            numbered = list(enumerate(texts))
            if name == "duckdb":
                duck.execute("DELETE FROM texts")
                duck.executemany("INSERT INTO texts VALUES (?, ?)", numbered)
                return run(duck, query).fetchall()
            opened[name].execute(sa.delete(TEXTS))
            opened[name].execute(sa.insert(TEXTS), [{"n": n, "x": x} for n, x in numbered])
            return [tuple(row) for row in opened[name].execute(query)]

        return ask

    yield {name: asking(name) for name in (*made, "duckdb")}
    for connection in opened.values():
        connection.close()
    for engine in made.values():
        engine.dispose()
    duck.close()


def asked(ask: Ask, dialect: str, texts: Sequence[str]) -> list[tuple[object, ...]]:
    """Whether an engine takes each text for an address, and its canonical and loose forms of it."""
    link = SubjectLink(kind="email", columns=("x",))
    rows = spelled(sa.select(TEXTS), [link], dialect, fenced=dialect != "duckdb")
    strong, loose = (each.form(rows, dialect) for each in forms([link]))
    return ask(texts, strong.is_not(None), strong, loose, rows=rows)


@given(st.lists(ADDRESSES, min_size=30, max_size=60))
@example(["anne.dupont+x@gmail.com", "\ufeffAnne@ACME.example\u00a0", "odd@local@gmail.com", "ÉLODIE@xn--socit-esab.f"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_engine_spells_an_address_as_python_does(engines: dict[str, Ask], texts: list[str]) -> None:
    for dialect, ask in engines.items():
        for text, (single, form, loose) in zip(texts, asked(ask, dialect, texts), strict=True):
            assert not single or loose == loose_email(text), (dialect, text)
            assert not single or not text.strip(BLANKS).isascii() or form == canonical_email(text), (dialect, text)


@given(st.lists(ANYTHING, min_size=30, max_size=60))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_engines_agree_on_what_an_address_is(engines: dict[str, Ask], texts: list[str]) -> None:
    one, *others = ([bool(row[0]) for row in asked(ask, dialect, texts)] for dialect, ask in engines.items())
    assert others == [one, one]


def test_what_is_no_single_address_has_no_form(engines: dict[str, Ask]) -> None:
    texts = ["", "anne", "@acme.example", "a@x.fr; b@y.fr", "a@x.fr,b@y.fr", "a@x.fr b@y.fr", "Anne <a@x.fr>",
             "a@x.fr.", "mailto:a@x.fr", "n/a", "{a@x.fr}", '"a b"@x.fr', "a@x.fr\nb@y.fr", "a@b@x.fr",
             "'a@x.fr'", "a@x.fr'", "*a@x.fr", "[a@x.fr]", "a\\@x.fr", "a@x.fr/b", "a|b@x.fr", "mail=a@x.fr",
             "\u00aba@x.fr\u00bb", "a@localhost", "a@x.f", "a@.fr", "a@x.fr?subject=x"]  # fmt: skip
    for dialect, ask in engines.items():
        assert [text for text, row in zip(texts, asked(ask, dialect, texts), strict=True) if row[0]] == [], dialect


@given(st.lists(st.text(st.sampled_from("ÀÉÈÇÎŒœæßñÿ\u2019'-AbZ é."), max_size=12), min_size=20))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_engine_folds_a_name_as_python_does(engines: dict[str, Ask], texts: list[str]) -> None:
    for dialect, ask in engines.items():
        found = [row[0] for row in ask(texts, folded(sa.column("x", sa.Text()), dialect))]
        assert found == [folded_in_python(text) for text in texts], dialect


@given(ADDRESSES, ADDRESSES)
def test_whoever_has_the_same_address_has_the_same_loose_form(one: str, other: str) -> None:
    """So a weak occurrence, known by its loose form alone, reaches everyone whom a strong one would reach."""
    variants = [one, one.upper(), f" {one}", other]
    for each in variants:
        if canonical_email(each) == canonical_email(one) and each.isascii() == one.isascii():
            assert loose_email(each) == loose_email(one)


def test_international_addresses_meet_as_a_doubt_in_every_spelling() -> None:
    spellings = ["élodie@société.example", "ELODIE@xn--socit-esab.example", "Élodie@xn--socit-esab.example"]
    assert [loose_email(each) for each in spellings] == [f"{ANY}@{ANY}", f"elodie@{ANY}", f"{ANY}@{ANY}"]


def test_a_weak_address_is_compared_in_its_loose_form_alone() -> None:
    alias = SubjectLink(kind="email", columns=("old",), strength="alias")
    links = [SubjectLink(kind="email", columns=("email",)), alias]
    found = [(form.key, form.columns, form.loose) for form in forms(links)]
    strong, weak = Key("email", weak=False), Key("email", weak=True)
    assert found == [(strong, ("email",), False), (weak, ("email",), True), (weak, ("old",), True)]


def test_a_name_in_two_columns_meets_the_display_name(engines: dict[str, Ask]) -> None:
    both = [sa.cast(sa.literal(" Hélène "), sa.Text), sa.column("x", sa.Text())]
    for dialect, ask in engines.items():
        ((found,),) = ask(["DE LA TOUR-D\u2019Auvergne"], folded(joined(both, dialect), dialect))
        assert found == canonical_name("Helene de la Tour d'Auvergne"), dialect


def test_mariadb_has_a_form_of_each_expression() -> None:
    link = SubjectLink(kind="email", columns=("email",))
    rows = spelled(sa.select(sa.table("contacts", sa.column("email", sa.Text()))), [link], "mysql", fenced=True)
    key = DigestKey(b"i" * 32, b"o" * 32)
    for form in forms([link, SubjectLink(kind="name", columns=("email",), strength="name")]):
        assert str(sa.select(form.digest(rows, key, "scope", "mysql")).compile(dialect=mysql.dialect()))
