"""Opening the engine database: SQLite or PostgreSQL, brought up to date under a lock, bound to its keys."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from pipelines.engine.approvals import Approvals
from pipelines.engine.connection import Connections
from pipelines.engine.findings import Findings
from pipelines.engine.holds import Holds
from pipelines.engine.keys import EngineKeys
from pipelines.engine.ledger import Ledger
from pipelines.engine.migrate import upgrade
from pipelines.engine.plans import Plans
from pipelines.engine.requests import Requests
from pipelines.engine.runs import Runs
from pipelines.engine.tables import identity
from pipelines.engine.verdicts import Verdicts
from pipelines.engine.volumes import Volumes
from pipelines.errors import EngineDown

_UPGRADE_LOCK = 0x4152444F  # "ARDO", for PostgreSQL's advisory lock


@dataclass(frozen=True, slots=True)
class EngineDatabase:
    """The engine's own database, as its parts."""

    connections: Connections
    keys: EngineKeys
    ledger: Ledger
    plans: Plans
    approvals: Approvals
    holds: Holds
    requests: Requests
    runs: Runs
    findings: Findings
    volumes: Volumes
    verdicts: Verdicts

    @classmethod
    def open(cls, url: str, keys: EngineKeys, *, two_persons: bool = False, two_release: bool = True) -> EngineDatabase:
        """Open the database, make or upgrade its tables, and see that it belongs to these keys.

        ``two_persons`` demands that the approver of a plan is not who requested it, ``two_release`` that who confirms
        the release of a hold is not who asked for it.

        Raises:
            EngineDown: the database cannot be reached or written, or was made with other keys.
        """
        connections = Connections.of(url)
        try:
            with _alone(connections) as connection:
                upgrade(connection)
                _bind(connection, keys)
        except BaseException:
            connections.dispose()
            raise
        ledger = Ledger(connections, keys)
        plans = Plans(connections, ledger)
        return cls(
            connections=connections,
            keys=keys,
            ledger=ledger,
            plans=plans,
            approvals=Approvals(connections, ledger, plans, two_persons=two_persons),
            holds=Holds(connections, ledger, two_persons=two_release),
            requests=Requests(connections, ledger),
            runs=Runs(connections),
            findings=Findings(connections),
            volumes=Volumes(connections),
            verdicts=Verdicts(connections),
        )

    def close(self) -> None:
        """Let go of connections."""
        self.connections.dispose()


@contextlib.contextmanager
def _alone(connections: Connections) -> Iterator[sa.Connection]:
    """A write transaction during which no other process upgrades the same database."""
    file = connections.file
    if file is None:
        with connections.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            yield connection
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(f"{file.name}.lock").open("w", encoding="ascii")
    except OSError:
        raise EngineDown(
            "the folder of the engine database cannot be written", str(file.parent), "Give this user the right to."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write_ahead(connections)
        with connections.write() as connection:
            yield connection


def _write_ahead(connections: Connections) -> None:
    """Switch to the write-ahead log, which stays: readers then never block the writer."""
    with connections.outside() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _bind(connection: sa.Connection, keys: EngineKeys) -> None:
    known = connection.execute(sa.select(identity.c.fingerprint)).scalar_one_or_none()
    if known is None:
        connection.execute(identity.insert().values(id=1, fingerprint=keys.fingerprint))
        Ledger.found(connection, keys)
    elif known != keys.fingerprint:
        raise EngineDown(
            "the engine database was made with other keys than those of the key file",
            "[engine] database",
            "Restore the key file that belongs to it; without it no digest, hold or seal has a meaning.",
        )
