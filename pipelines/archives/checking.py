"""Trying every archive before it is needed: its own reading role, the store's writing role, the ordinary reading role.

Nothing is changed. What is wrong is named where it is to be mended: in `ardoise.toml`, or by whoever grants rights.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.errors import ConnectorError
from connectors.sql.connector import SqlConnector
from pipelines.errors import SecretMissing
from pipelines.estate import Estate
from pipelines.estate.config import FILE, lines_of
from retention_rules.problems import Problem


def archives_of(estate: Estate) -> tuple[str, ...]:
    """The stores that have an archive."""
    return tuple(name for name, store in estate.stores.items() if store.archive is not None)


def archive_problems(estate: Estate) -> list[Problem]:
    """Why records could not move to an archive, be apart there, or be read; reaches the stores that have one."""
    line = lines_of((estate.folder / FILE).read_text(encoding="utf-8"))
    found = {
        Problem(FILE, line(("stores", store, "archive")), f"{store}: {what}", remedy)
        for store in archives_of(estate)
        for what, remedy in _tried(estate, store)
    }
    return sorted(found)


def _tried(estate: Estate, store: str) -> Iterator[tuple[str, str]]:
    try:
        with estate.connected(store) as connector:
            if isinstance(connector, SqlConnector):
                for error in connector.check_archive():
                    yield error.what, error.remedy
    except ConnectorError as error:
        yield error.what, error.remedy
    except SecretMissing as error:
        yield f"{error.what} ({error.where})", error.remedy.rstrip(".")
