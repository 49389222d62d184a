"""Suppression of every type of column that may not be NULL, by whole runs: what is written is what is verified."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from approving import confirm_maps
from hidden_shop import Club, club_in

from pipelines.errors import Refused

NO_DAY, NOON = dt.date(1900, 1, 1), "2020-02-03 10:11:12"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")
NOWHERE = re.compile(r"0\.0\.0\.0")
NEGATIVE = re.compile(r"-[0-9]+")

PLAIN: dict[str, tuple[str, str, Any]] = {
    "text": ("text", "'Zoe'", "[redacted]"),
    "short": ("varchar(3)", "'Zoe'", ""),
    "whole": ("smallint", "3", 0),
    "exact": ("numeric(8, 2)", "3.2", 0),
    "day": ("date", "'2020-02-03'", NO_DAY),
    "number": ("bigint UNIQUE", "{n}", NEGATIVE),
}
SQLITE: dict[str, tuple[str, str, Any]] = {
    "json": ("JSON", "'[1]'", {}),
    "instant": ("TIMESTAMP", f"'{NOON}'", "1900-01-01 00:00:00"),
    "blob": ("BLOB", "x'ff'", b""),
    "untyped": ("", "'Zoe'", ""),
}
POSTGRESQL: dict[str, tuple[str, str, Any]] = {
    "json": ("json", "'[1]'", {}),
    "jsonb": ("jsonb", "'[1]'", {}),
    "bytes": ("bytea", r"'\xff'", b""),
    "money": ("money", "'3'", "$0.00"),
    "texts": ("text[]", "ARRAY['zoe@example.org']", []),
    "several": ("gender[]", "ARRAY['f']::gender[]", []),
    "interval": ("interval", "'3 days'", dt.timedelta()),
    "card": ("macaddr", "'08:00:2b:01:02:03'", "00:00:00:00:00:00"),
    "card8": ("macaddr8", "'08:00:2b:01:02:03'", "00:00:00:ff:fe:00:00:00"),
    "address": ("inet", "'192.0.2.1'", NOWHERE),
    "bits": ("bit(3)", "'101'", "000"),
    "some_bits": ("varbit(5)", "'101'", "0"),
    "words": ("tsvector", "to_tsvector('zoe')", ""),
    "days": ("daterange", "'[2020-01-01,2020-02-01)'", "empty"),
    "ranges": ("datemultirange", "'{{[2020-01-01,2020-02-01)}}'", []),
    "instant": ("timestamptz", f"'{NOON}'", "1900-01-01 00:00:00+00:00"),
    "uuid": ("uuid", "gen_random_uuid()", UUID),
    "of_text": ("mail_domain", "'zoe@example.org'", "[redacted]"),
    "of_number": ("number_domain UNIQUE", "{n}", NEGATIVE),
    "of_uuid": ("uuid_domain", "gen_random_uuid()", UUID),
}
MARIADB: dict[str, tuple[str, str, Any]] = {
    "json": ("JSON", "'[1]'", "{}"),
    "blob": ("BLOB", "x'ff'", b""),
    "bytes": ("VARBINARY(20)", "x'ff'", b""),
    "bits": ("BIT(3)", "b'101'", 0),
    "year": ("YEAR", "2020", 1901),
    "set_of": ("SET('a', 'b')", "'a'", set()),
    "address": ("INET4", "'192.0.2.1'", NOWHERE),
    "address6": ("INET6", "'::1'", "::"),
    "instant": ("DATETIME(3)", f"'{NOON}.5'", "1900-01-01 00:00:00"),
    "stamp": ("TIMESTAMP", f"'{NOON}'", "1970-01-02 00:00:00"),
    "uuid": ("UUID", "UUID()", UUID),
}
TYPES = ("CREATE TYPE gender AS ENUM ('f', 'm')", "CREATE DOMAIN mail_domain AS varchar(80)",
         "CREATE DOMAIN number_domain AS bigint", "CREATE DOMAIN uuid_domain AS uuid")  # fmt: skip

MAP = """
store: club
datasets:
  members:
    source: {source}
    controller: CLUB
    key: [id]
    subjects: [{{kind: email, columns: [email]}}]
    events: {{left: {{column: left_on}}}}
    fields:
      email: {{category: user.contact.email}}
{fields}
    approved: {{by: dpo, on: 2026-01-01}}
"""


def build(made: Club, columns: dict[str, tuple[str, str, Any]], hopeless: str, null: str) -> None:
    """Make the table anew; in the column `hopeless` NULL is admitted or not."""
    declared = "".join(f", a_{name} {kind} NOT NULL" for name, (kind, _, _) in columns.items())
    made.run("DROP TABLE IF EXISTS members")
    made.run(
        "CREATE TABLE members (id integer PRIMARY KEY, email varchar(80) NOT NULL, left_on date NOT NULL, "
        f"hopeless {hopeless} {null}{declared})"
    )
    for number in range(1, 41):
        values = ", ".join(["'1'", *(value.format(n=number) for _, value, _ in columns.values())])
        values = values.replace("'1'", str(number), 1) if "UNIQUE" in hopeless else values
        made.run(f"INSERT INTO members VALUES ({number}, 'member{number}@example.org', '2022-02-03', {values})")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Type object .* does not refer to an OperatorClass")  # SQLAlchemy's own types
@pytest.mark.parametrize(
    ("kind", "columns", "hopeless"),
    [
        ("sqlite", PLAIN | SQLITE, "smallint UNIQUE"),
        ("postgresql", PLAIN | POSTGRESQL, "grade"),
        ("mariadb", PLAIN | MARIADB, "ENUM('1', '2')"),
    ],
)
def test_what_may_not_be_null_is_emptied_verified_or_refused_with_a_remedy_that_helps(
    kind: str, columns: dict[str, tuple[str, str, Any]], hopeless: str, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    made = club_in(kind, request, tmp_path)
    made.run("DROP TABLE visits")
    for statement in (*TYPES, "CREATE TYPE grade AS ENUM ('1', '2')") if kind == "postgresql" else ():
        made.run(statement)
    fields = "\n".join(
        f"      {name}: {{category: user.content, technique: {'redact' if expected == '[redacted]' else 'suppress'}}}"
        for name, expected in {"hopeless": None, **{f"a_{name}": each[2] for name, each in columns.items()}}.items()
    )
    source = "public.members" if kind == "postgresql" else "members"
    (made.folder / "data_map" / "club.yaml").write_text(MAP.format(source=source, fields=fields), encoding="utf-8")
    build(made, columns, hopeless, "NOT NULL")
    confirm_maps(made.folder)
    before = made.rows()
    with pytest.raises(Refused, match=r"hopeless.* let the column be NULL"):
        made.apply(made.plan())
    assert made.rows() == before

    build(made, columns, hopeless, "NULL")
    confirm_maps(made.folder)
    plan = made.plan()
    assert made.apply(plan).complete
    assert [each for each in made.verify(plan) if not each.passed] == []
    for row in made.rows():
        assert row["hopeless"] is None
        for name, (_, _, expected) in columns.items():
            assert _is(row[f"a_{name}"], expected), (name, row[f"a_{name}"])


def _is(value: Any, expected: Any) -> bool:
    """Whether a value is the expected one, or a text of its form; of a type that Python has not, by its text."""
    if isinstance(expected, re.Pattern):
        return expected.fullmatch(str(value)) is not None
    return bool(value == expected) or (isinstance(expected, str) and str(value) == expected)
