"""How one record is named outside its store: the keyed digest of store, dataset and key.

A message or meeting is named by its folder or calendar and its key there, as the index of items has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.digests import DigestKey
from pipelines.errors import UsageError
from pipelines.subjects import SEPARATOR

if TYPE_CHECKING:
    from pipelines.estate import Estate


def key_columns(estate: Estate, store: str, dataset: str) -> tuple[str, ...]:
    """The columns of a dataset's key, in the order in which `record_digest` takes their values.

    Raises:
        UsageError: there is no such dataset, or it is a mailbox or calendar (see `item_digest`).
    """
    if not holds_rows(estate, store, dataset):
        raise UsageError("its records have no key columns", f"{store}.{dataset}", "Give a folder and a key.")
    return estate.data_maps[store].datasets[dataset].key


def holds_rows(estate: Estate, store: str, dataset: str) -> bool:
    """Whether a dataset is a table; else its records are messages or meetings.

    Raises:
        UsageError: there is no such dataset.
    """
    mapped = estate.data_maps.get(store)
    if mapped is None or dataset not in mapped.datasets:
        where = f"{store}.{dataset}"
        raise UsageError("no data map has this dataset", where, "Name the store and the dataset as the data map does.")
    return bool(mapped.datasets[dataset].key)


def item_digest(key: DigestKey, store: str, dataset: str, container: str, name: str) -> str:
    """The keyed digest of the message or meeting of that key in a folder or calendar."""
    return key.digest(SEPARATOR.join((store, dataset, container, name)))


def item_digest_column(
    key: DigestKey, store: str, dataset: str, container: sa.ColumnElement[str], name: sa.ColumnElement[str]
) -> sa.ColumnElement[str]:
    """`item_digest` of every row of a relation over the index."""
    from connectors.sql.functions import keyed_digest

    place = sa.literal(f"{store}{SEPARATOR}{dataset}{SEPARATOR}", sa.Text)
    return keyed_digest(key, place.concat(container).concat(sa.literal(SEPARATOR, sa.Text)).concat(name))


def folders_of_item(estate: Estate, store: str, dataset: str, name: str) -> tuple[str, ...]:
    """The folders or calendars of a dataset in which the last scan saw a record of that key.

    Raises:
        IndexAbsent: nothing was scanned yet.
        IndexBusy: another process keeps the index.
    """
    from pipelines.scan import index

    with index.read(estate.index_file) as connection:
        rows = connection.execute(
            "SELECT DISTINCT container FROM items WHERE store = ? AND dataset = ? AND key = ? ORDER BY 1",
            [store, dataset, name],
        ).fetchall()
    return tuple(str(row[0]) for row in rows)


def record_digest(estate: Estate, store: str, dataset: str, values: Sequence[str]) -> str:
    """The keyed digest of the record whose key columns read as these texts; the store is asked, then its archive.

    Raises:
        UsageError: there is no such record.
        StoreDown: the store cannot be reached.
    """
    from connectors.sql.connector import SqlConnector
    from connectors.sql.engines import speaking_for
    from connectors.sql.functions import record_key
    from pipelines.archives.finding import archived_record
    from pipelines.scan.sources import source_of

    names = key_columns(estate, store, dataset)
    mapped = estate.data_maps[store].datasets[dataset]
    with estate.connected(store) as connector:
        assert isinstance(connector, SqlConnector), "only tables have key columns"  # noqa: S101
        table = connector.table(source_of(dataset, mapped))
        same = [sa.cast(table.c[name], sa.Text) == value for name, value in zip(names, values, strict=True)]
        query = sa.select(record_key(table.c[name] for name in names)).where(*same)
        with speaking_for(store), connector.reading() as connection:
            found = connection.execute(query).scalars().all()
        archived = None if found else archived_record(connector, dataset, names, values)
    if archived is not None:
        return archived
    if len(found) != 1:
        raise UsageError("there is no such record", f"{store}.{dataset}", "Give its key as the store shows it.")
    return estate.key.digest(f"{store}{SEPARATOR}{dataset}{SEPARATOR}{found[0]}")
