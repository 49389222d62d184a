"""What a SQL store declares of a column, beyond what reflection understands by itself.

Reflection knows no name of some types of PostgreSQL and MariaDB: it warns, and whoever asks for the type gets nothing.
Here they have one. A domain is of the type that it restricts, and MariaDB's JSON, a text with a CHECK, is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.mysql.base import ischema_names as mysql_names
from sqlalchemy.dialects.postgresql.base import ischema_names as postgresql_names
from sqlalchemy.sql.operators import OperatorClass

from connectors.base import FieldShape

_INCOMPARABLE = {
    "postgresql": ("box", "circle", "line", "lseg", "path", "point", "polygon", "xml"),
    "mariadb": (
        "geometry", "geometrycollection", "linestring", "multilinestring", "multipoint", "multipolygon", "point",
        "polygon",
    ),
}  # fmt: skip
_COMPARABLE = {"postgresql": ("pg_lsn",), "mariadb": ("inet4", "inet6")}


class Unread(sa.types.UserDefinedType[Any]):
    """A type that has a name and whose values stay as the driver gives them."""


class Incomparable(Unread):
    """One of whose values no store tells whether they are the same."""


def plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """A type, without the domains that restrict it."""
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    return kind


def field(column: Any, unique: Collection[str], documents: Collection[str], dialect: str) -> FieldShape:
    """A column as reflected; ``unique`` and ``documents`` name those that are unique, and those that hold JSON."""
    kind, name = plain(column["type"]), column["name"]
    declared = "JSON" if name in documents else "ENUM" if isinstance(kind, sa.Enum) else str(kind)
    declared += " UNSIGNED" if getattr(kind, "unsigned", False) else ""
    length = getattr(kind, "length", None)
    return FieldShape(name, declared, column.get("nullable", True), name in unique, length, dialect)


def documents(connection: sa.Connection) -> dict[str, set[str]]:
    """The columns of MariaDB, by table, that take nothing but JSON; elsewhere the type says it."""
    found: dict[str, set[str]] = {}
    if connection.dialect.name in {"mysql", "mariadb"}:
        rows = connection.exec_driver_sql(
            "SELECT table_name, constraint_name FROM information_schema.check_constraints "
            "WHERE constraint_schema = DATABASE() AND level = 'Column' AND check_clause LIKE 'json_valid(%%)'"
        )
        for table, column in rows:
            found.setdefault(table, set()).add(column)
    return found


def comparable(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a store can tell that two values of a type are the same."""
    kind = plain(kind)
    unlike = isinstance(kind, postgresql.JSON) and not isinstance(kind, postgresql.JSONB)
    return not unlike and not isinstance(kind, (sa.types.NullType, Incomparable))


def _named(name: str, base: type[Unread]) -> type[Unread]:
    def spelt(_: Any, **__: Any) -> str:
        return name.upper()

    spec: dict[str, Callable[..., str] | bool] = {"get_col_spec": spelt, "cache_ok": True}
    return type(name.upper(), (base,), spec)


postgresql.DOMAIN.operator_classes = OperatorClass.ANY  # else to compute with a domain's values is deprecated

for _known, _dialect in ((postgresql_names, "postgresql"), (mysql_names, "mariadb")):
    for _base, _names in ((Unread, _COMPARABLE), (Incomparable, _INCOMPARABLE)):
        for _name in _names[_dialect]:
            _known.setdefault(_name, _named(_name, _base))
