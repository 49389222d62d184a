"""What every task needs: the estate that the deployment names, Airflow's connections, and the clock."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pipelines.estate import Estate

ESTATE = "ARDOISE_ESTATE"
"""Environment variable: the folder that holds `ardoise.toml`."""


def load_estate() -> Estate:
    """The estate of this deployment, with `airflow:CONN` connection strings resolved through Airflow."""
    from airflow.sdk import BaseHook

    from pipelines.estate import Estate

    folder = os.environ.get(ESTATE)
    if not folder:
        raise RuntimeError(f"{ESTATE} is not set; it names the folder that holds ardoise.toml")
    return Estate.load(Path(folder), resolve=lambda name: _with_slashes(BaseHook.get_connection(name).get_uri()))


def _with_slashes(uri: str) -> str:
    """A connection's URI with the path that was given: Airflow quotes its slashes too.

    A web address keeps its other quotes; the path of a database is a name, which no driver unquotes.
    """
    scheme, _, rest = uri.partition("://")
    host, slash, place = rest.partition("/")
    path, mark, query = place.partition("?")
    path = path.replace("%2F", "/") if scheme.startswith("http") else unquote(path)
    return f"{scheme}://{host}{slash}{path}{mark}{query}"


def now() -> dt.datetime:
    """The clock, read at the edge and nowhere below."""
    return dt.datetime.now(dt.UTC)
