"""Writing the invented company into its stores, each by the fastest way it has."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from pipelines.demo import calendar, mail
from pipelines.demo.billing import Billing
from pipelines.demo.calendar import CALENDARS, Meeting
from pipelines.demo.crm import Crm
from pipelines.demo.mail import FOLDERS, Mail
from pipelines.demo.servers.caldav import CaldavServer
from pipelines.demo.servers.imap import ImapServer, Message

Table = tuple[str, tuple[str, ...], Sequence[tuple[object, ...]]]
"""Name, columns, rows."""


def schema(name: str) -> str:
    """The text of one of the packaged SQL files."""
    return resources.files("pipelines.demo").joinpath("schemas", name).read_text(encoding="utf-8")


def seed_crm(url: str, crm: Crm) -> None:
    """Create the CRM's tables as the administrator, fill them with COPY, and give the two roles their rights."""
    with connect_crm(url) as connection:
        connection.execute(schema("crm.sql").encode())
        for table in crm.tables():
            copy_rows(connection, table)
        connection.execute(schema("crm_rights.sql").encode())
    with connect_crm(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def connect_crm(url: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the CRM by an SQLAlchemy URL."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=autocommit)


def copy_rows(connection: psycopg.Connection[tuple[object, ...]], table: Table) -> None:
    """Stream rows into a table of the CRM."""
    name, columns, rows = table
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def seed_billing(path: Path, billing: Billing) -> None:
    """Create the billing database and fill it in one transaction."""
    with open_billing(path) as connection:
        connection.executescript(schema("billing.sql"))
        for table in billing.tables():
            insert_rows(connection, table)
        connection.commit()
        connection.execute("ANALYZE")


@contextlib.contextmanager
def open_billing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the billing database, foreign keys enforced; committed when the block ends well."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        with connection:
            yield connection
    finally:
        connection.close()


def insert_rows(connection: sqlite3.Connection, table: Table) -> None:
    """Insert rows into a table of the billing database; days as ISO 8601."""
    name, columns, rows = table
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are our own
    connection.executemany(statement, (tuple(map(_plain, row)) for row in rows))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


def seed_mail(server: ImapServer, user: str, mails: Iterable[Mail]) -> None:
    """Write the messages into the maildir folders."""
    by_folder: dict[str, list[Message]] = {folder: [] for folder in FOLDERS}
    for each in mails:
        flags = ("\\Seen", "$Forwarded") if each.number % 20 == 0 else ("\\Seen",)
        by_folder[each.folder].append((mail.render(each), each.at, flags))
    for folder, messages in by_folder.items():
        server.seed(user, folder, messages)


def seed_calendars(server: CaldavServer, user: str, meetings: Iterable[Meeting]) -> None:
    """Write the meetings into the calendars."""
    by_calendar: dict[str, list[bytes]] = {name: [] for name in CALENDARS}
    for each in meetings:
        by_calendar[each.calendar].append(calendar.render(each))
    for name, objects in by_calendar.items():
        server.seed(user, name, objects)
