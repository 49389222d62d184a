"""Reading an archive: with its own credentials, for a motive, and in the ledger before anything is shown."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.sql.archive import Archive
from connectors.sql.catalog import OWN_PREFIX
from connectors.sql.connector import SqlConnector
from pipelines.archives.motives import Motive
from pipelines.engine import EngineDatabase
from pipelines.errors import UsageError
from pipelines.estate import Estate
from pipelines.plan.arrivals import DAY
from pipelines.subjects import SEPARATOR

KIND = "archive_access"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to see, and why. ``key``: of one record; empty is the whole dataset.

    ``case`` is the reference of the case, of which the ledger keeps a keyed digest.
    """

    store: str
    dataset: str
    motive: Motive
    by: str
    case: str = ""
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """One access, as the ledger has it."""

    at: dt.datetime
    by: str
    store: str
    dataset: str
    motive: Motive
    narrow: bool
    count: int


@contextlib.contextmanager
def read_archive(
    estate: Estate, engine: EngineDatabase, request: Request, *, at: dt.datetime
) -> Iterator[tuple[int, Iterator[Mapping[str, Any]]]]:
    """How many archived records there are, and the records: their key, their fields, and the day they arrived.

    The access is in the ledger before the first record can be taken; an archive that holds nothing is an access too.

    Raises:
        UsageError: the store has no archive, or no such dataset, or the key has not as many parts as the dataset's.
        ConnectorError: the archive cannot be reached with its own credentials.
    """
    dataset = estate.data_maps[request.store].datasets.get(request.dataset) if request.store in estate.stores else None
    if dataset is None:
        raise UsageError(
            f"there is no dataset {request.store}.{request.dataset}", "archive", "Name one of the data map's."
        )
    if request.key and len(request.key) != len(dataset.key):
        raise UsageError(
            f"the key of {request.dataset} has {len(dataset.key)} parts", "archive", f"Give {', '.join(dataset.key)}."
        )
    with estate.connected(request.store) as connector:
        archive = connector.archive if isinstance(connector, SqlConnector) else None
        if archive is None:
            raise UsageError(
                f"{request.store} has no archive", "ardoise.toml", f"Give it one: [stores.{request.store}.archive]."
            )
        with archive.reading() as connection:
            query = _query(archive, connection, request, dataset.key)
            count = 0
            if query is not None:
                count = int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())
            engine.ledger.append(KIND, _body(estate, request, count), at=at)
            rows = () if query is None else connection.execute(query).mappings()
            yield count, (_shown(row) for row in rows)


def accesses(
    estate: Estate,
    engine: EngineDatabase,
    *,
    case: str = "",
    store: str = "",
    dataset: str = "",
    key: Sequence[str] = (),
) -> Iterator[Access]:
    """Every access to an archive, in order; those of one case, to one store, dataset, or record.

    Whoever read the whole dataset saw the record of that ``key`` too.

    Raises:
        UsageError: a key without its store and dataset.
    """
    if key and not (store and dataset):
        raise UsageError("a record lies in a dataset", "--key", "Give --store and --dataset too.")
    wanted = _digest(estate, case) if case else None
    record = _record(estate, store, dataset, key)
    for entry in engine.ledger.entries(KIND):
        body = entry.body
        seen = not key or not body["narrow"] or body.get("record") == record
        place = store in {"", body["store"]} and dataset in {"", body["dataset"]}
        if (wanted is None or body.get("case") == wanted) and place and seen:
            yield Access(
                entry.at,
                body["by"],
                body["store"],
                body["dataset"],
                Motive(body["motive"]),
                body["narrow"],
                body["count"],
            )


def _query(archive: Archive, connection: sa.Connection, request: Request, key: Sequence[str]) -> sa.Select[Any] | None:
    table = archive.find(connection, request.dataset)
    if table is None:
        return None
    if missing := [name for name in key if name not in table.c]:
        raise UsageError(
            f"the archive of {request.dataset} has no key column {missing[0]}", "archive", "Its data map has changed."
        )
    columns = [each for each in table.c if not each.name.startswith(OWN_PREFIX) or each.name == DAY]
    query = sa.select(*columns).order_by(*(table.c[name] for name in key), table.c[DAY])
    for name, value in zip(key, request.key, strict=False):
        query = query.where(sa.cast(table.c[name], sa.Text) == value)
    return query


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    """The record without what it does not have."""
    named = {("archived_on" if name == DAY else str(name)): value for name, value in row.items()}
    return {name: value for name, value in named.items() if value is not None}


def _body(estate: Estate, request: Request, count: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "store": request.store,
        "dataset": request.dataset,
        "motive": request.motive.value,
        "narrow": bool(request.key),
        "count": count,
        "by": request.by,
    }
    if request.key:
        body["record"] = _record(estate, request.store, request.dataset, request.key)
    return body | ({"case": _digest(estate, request.case)} if request.case else {})


def _digest(estate: Estate, case: str) -> str:
    return estate.keys.mac("archive case", case.strip().casefold())


def _record(estate: Estate, store: str, dataset: str, key: Sequence[str]) -> str:
    """By what the ledger knows a record again: never by its key, which may be an address."""
    return estate.keys.mac("archive record", SEPARATOR.join((store, dataset, *key)))
