"""Chinook, a music shop that nobody here wrote, with what a reviewer says of its columns."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from benchmarks.schemas.labelled import NOT, OPEN, Labelled
from pipelines.classify import Column, Table
from pipelines.classify import categories as c

FILE: Final = Path("chinook") / "Chinook_Sqlite.sqlite"
ROWS: Final = 300

_PLACE = {"Address": c.STREET, "City": c.CITY, "State": c.REGION, "Country": c.COUNTRY, "PostalCode": c.POSTCODE}
_PERSON = {"FirstName": c.FIRST_NAME, "LastName": c.LAST_NAME, "Email": c.EMAIL, "Phone": c.PHONE, "Fax": c.FAX} | _PLACE
PERSONAL: Final = {
    "Customer": _PERSON | {"Company": c.WORKPLACE},
    "Employee": _PERSON | {"Title": c.JOB, "BirthDate": c.BIRTH},
    "Invoice": {f"Billing{column}": category for column, category in _PLACE.items()},
    "Artist": {"Name": OPEN},  # persons and bands
    "Track": {"Composer": OPEN},  # persons, of whom a catalogue speaks
}


def tables(data: Path) -> list[Labelled]:
    """Every table of Chinook: `ROWS` rows by a stable order, as texts, like a scan's sample."""
    connection = sqlite3.connect(f"file:{data / FILE}?mode=ro", uri=True)
    try:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return [_table(connection, name) for (name,) in named]
    finally:
        connection.close()


def _table(connection: sqlite3.Connection, name: str) -> Labelled:
    described = connection.execute(f"PRAGMA table_info([{name}])").fetchall()
    references = connection.execute(f"PRAGMA foreign_key_list([{name}])").fetchall()
    rows = connection.execute(f"SELECT * FROM [{name}] ORDER BY rowid * 7919 % 10007 LIMIT {ROWS}").fetchall()
    columns = tuple(
        Column(column, type_, [None if row[place] is None else str(row[place]) for row in rows], len(rows), key=bool(key))
        for place, column, type_, _, _, key in described
    )
    linking = frozenset(each[3] for each in references)
    labels = {column.name: PERSONAL.get(name, {}).get(column.name, NOT) for column in columns}
    return Labelled(Table(name, columns, tuple(each[2] for each in references), linking), labels)
