"""How one record of a table is named outside its store: the keyed digest of store, dataset and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pipelines.errors import UsageError
from pipelines.subjects import SEPARATOR

if TYPE_CHECKING:
    from pipelines.estate import Estate


def key_columns(estate: Estate, store: str, dataset: str) -> tuple[str, ...]:
    """The columns of a dataset's key, in the order in which `record_digest` takes their values.

    Raises:
        UsageError: there is no such dataset, or it is a mailbox or calendar, whose records are held with their persons.
    """
    where = f"{store}.{dataset}"
    mapped = estate.data_maps.get(store)
    if mapped is None or dataset not in mapped.datasets:
        raise UsageError("no data map has this dataset", where, "Name the store and the dataset as the data map does.")
    if not mapped.datasets[dataset].key:
        raise UsageError("only a record of a table can be named by its key", where, "Hold the person, or the dataset.")
    return mapped.datasets[dataset].key


def record_digest(estate: Estate, store: str, dataset: str, values: Sequence[str]) -> str:
    """The keyed digest of the record whose key columns read as these texts; the store is asked, and only read.

    Raises:
        UsageError: there is no such record.
        StoreDown: the store cannot be reached.
    """
    from connectors.sql.connector import SqlConnector
    from connectors.sql.engines import speaking_for
    from connectors.sql.functions import record_key
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
    if len(found) != 1:
        raise UsageError("there is no such record", f"{store}.{dataset}", "Give its key as the store shows it.")
    return estate.key.digest(f"{store}{SEPARATOR}{dataset}{SEPARATOR}{found[0]}")
