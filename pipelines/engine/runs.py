"""The runs of plans: their state, their timings, and counters per step. No key and no value."""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.tables import instant, run_steps, runs


class RunState(enum.StrEnum):
    """How a run, or a step of one, stands. A run that was killed is still `running`: it is resumed."""

    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run, with its counters by name."""

    step: str
    state: RunState
    counters: Mapping[str, int]
    started_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a plan."""

    id: int
    plan: str
    state: RunState
    started_at: dt.datetime
    ended_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs in one engine database."""

    connections: Connections

    def start(self, plan: str, *, at: dt.datetime) -> RunRecord:
        """Begin a run of a plan, or resume the one that was left running."""
        with self.connections.write() as connection:
            known = connection.execute(
                sa.select(runs).where(runs.c.plan == plan, runs.c.state == RunState.RUNNING).order_by(runs.c.id)
            ).first()
            if known is None:
                made = runs.insert().values(plan=plan, state=RunState.RUNNING, started_at=instant(at))
                known = connection.execute(made.returning(*runs.c)).one()
        return _run(known)

    def progress(self, run: int, step: str, counters: Mapping[str, int], *, state: RunState, at: dt.datetime) -> None:
        """Set a step's state and counters."""
        values = {"state": state, "counters": rfc8785.dumps(dict(counters)).decode(), "updated_at": instant(at)}
        mine = (run_steps.c.run == run) & (run_steps.c.step == step)
        with self.connections.write() as connection:
            if not connection.execute(run_steps.update().where(mine).values(values)).rowcount:
                connection.execute(run_steps.insert().values(run=run, step=step, started_at=instant(at), **values))

    def finish(self, run: int, state: RunState, *, at: dt.datetime) -> None:
        """End a run."""
        with self.connections.write() as connection:
            connection.execute(runs.update().where(runs.c.id == run).values(state=state, ended_at=instant(at)))

    def of(self, plan: str) -> list[RunRecord]:
        """The runs of a plan, the oldest first."""
        return self._select(sa.select(runs).where(runs.c.plan == plan))

    def unfinished(self) -> list[RunRecord]:
        """The runs that were begun and not ended: to be resumed."""
        return self._select(sa.select(runs).where(runs.c.state == RunState.RUNNING))

    def steps(self, run: int) -> list[StepRecord]:
        """The steps of a run in the order in which they began."""
        query = sa.select(run_steps).where(run_steps.c.run == run).order_by(run_steps.c.started_at, run_steps.c.step)
        with self.connections.read() as connection:
            return [
                StepRecord(
                    row.step,
                    RunState(row.state),
                    json.loads(row.counters),
                    dt.datetime.fromisoformat(row.started_at),
                    dt.datetime.fromisoformat(row.updated_at),
                )
                for row in connection.execute(query)
            ]

    def _select(self, query: sa.Select[Any]) -> list[RunRecord]:
        with self.connections.read() as connection:
            return [_run(row) for row in connection.execute(query.order_by(runs.c.id))]


def _run(row: sa.Row[Any]) -> RunRecord:
    return RunRecord(
        row.id,
        row.plan,
        RunState(row.state),
        dt.datetime.fromisoformat(row.started_at),
        dt.datetime.fromisoformat(row.ended_at) if row.ended_at else None,
    )
