"""A SQL store in the hands of its administrator: made, filled, changed and looked at behind the engine's back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

Given = Sequence[Mapping[str, Any]]
"""All with the same names."""


def fill(url: str, schema: str, tables: Mapping[str, Given]) -> None:
    """Run the statements of a schema, which semicolons part, and insert rows by table."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in schema.split(";"):
            connection.exec_driver_sql(statement)
        for table, given in tables.items():
            names, places = ", ".join(given[0]), ", ".join(f":{name}" for name in given[0])
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), given)


def execute(url: str, *statements: str) -> None:
    """Change something, in one transaction."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def rows(url: str, table: str, key: str = "1") -> list[dict[str, Any]]:
    """Every row of a table, in the order of its key: the numbers of its columns."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {key}").mappings()]
