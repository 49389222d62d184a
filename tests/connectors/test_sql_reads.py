"""What MariaDB reads to act on rows grows with the rows, whatever whole numbers their keys begin with."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fixtures_sql import Shop
from rows_read import rows_read

from connectors.base import Source
from connectors.sql.act import delete_chunk
from connectors.sql.journal import Chunk
from connectors.sql.lines import line_up
from connectors.sql.overwrite import update_chunk

FEW, TIMES, CHUNK = 500, 4, 100


@pytest.mark.parametrize("shop", ["mariadb"], indirect=True)
@pytest.mark.parametrize(
    ("columns", "key", "row"),
    [
        ("id BIGINT UNSIGNED", ("id",), "{n}"),
        ("tenant INTEGER, id INTEGER UNSIGNED", ("tenant", "id"), "1, {n}"),
        ("id INTEGER, name VARCHAR(20)", ("id", "name"), "{n}, 'a'"),
    ],
)
def test_each_chunk_reads_its_part_of_the_table(shop: Shop, columns: str, key: tuple[str, ...], row: str) -> None:
    shop.run(f"CREATE TABLE acted ({columns}, note VARCHAR(20), PRIMARY KEY ({', '.join(key)}))")
    table, journal = shop.connector.table(Source("acted", "acted")), shop.connector.journal

    def acted(rows: int) -> None:
        found = sa.select(*(table.c[name] for name in key))
        for act in ("update", "delete"):
            with shop.connector.writing() as connection:
                with connection.begin():
                    made = line_up(connection, table, key, found, lambda only: found.where(only(table)))
                for first in range(1, rows, CHUNK):
                    chunk, last = Chunk(f"{rows}", act, "acted", first), first + CHUNK - 1
                    if act == "update":
                        values, marks = {"note": "gone"}, {"notes": ("note",)}
                        update_chunk(connection, journal, chunk, made, first, last, values, marks)
                    else:
                        delete_chunk(connection, journal, chunk, made, first, last)

    counted = []
    for rows in (FEW, FEW * TIMES):
        shop.run(f"INSERT INTO acted VALUES {', '.join(f'({row.format(n=n)}, NULL)' for n in range(rows))}")
        counted.append(rows_read(shop.admin, lambda: acted(rows)))  # noqa: B023 - called at once
        assert shop.value("SELECT count(*) FROM acted") == 0
    assert counted[1] < counted[0] * TIMES * 1.5, counted
