"""Amounts to the last digit: what sums are kept in and read back as, in every engine.

PostgreSQL's bare NUMERIC is as exact as it comes; MariaDB's would round to a whole number, so it gets 45 digits before
the point and 20 after it. SQLite has whole numbers of 64 bits and floating point: what is no whole number is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

MOST_DECIMALS = 20
"""After the point, in MariaDB; a square needs twice those of the number."""


class _Whole(sa.types.UserDefinedType[Any]):
    """SQLite's column of whole numbers, that nothing in between turns into floating point."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """NUMERIC: a whole number stays one."""
        return "NUMERIC"


class Exact(sa.types.TypeDecorator[Decimal]):
    """A decimal amount."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """How each engine keeps it."""
        match dialect.name:
            case "sqlite":
                return dialect.type_descriptor(_Whole())
            case "mysql" | "mariadb":
                return dialect.type_descriptor(mysql.DECIMAL(65, MOST_DECIMALS))
            case _:
                return dialect.type_descriptor(sa.Numeric())

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """SQLite takes whole numbers alone."""
        if value is None or dialect.name != "sqlite":
            return value
        if value != int(value):
            raise ValueError("SQLite keeps whole numbers only")
        return int(value)

    def process_result_value(self, value: Any, _: sa.Dialect) -> Decimal | None:
        """Never by way of floating point, where the engine has not gone that way itself."""
        return None if value is None else Decimal(str(value))
