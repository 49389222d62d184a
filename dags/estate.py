"""What every task needs: the estate that the deployment names, Airflow's connections, and the clock."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

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
    return Estate.load(Path(folder), resolve=lambda name: BaseHook.get_connection(name).get_uri())


def now() -> dt.datetime:
    """The clock, read at the edge and nowhere below."""
    return dt.datetime.now(dt.UTC)
