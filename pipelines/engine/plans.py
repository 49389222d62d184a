"""The plans that were made: stored once, by digest; a newer one supersedes the older of the same as-of date."""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.ledger import Ledger
from pipelines.engine.tables import instant
from pipelines.engine.tables import plans as table
from pipelines.engine.tables import runs as runs_table
from pipelines.errors import UsageError
from pipelines.plan.artefact import Plan

_SHORTEST = 6


class PlanStatus(enum.StrEnum):
    """How a stored plan stands."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A stored plan without its body. ``made_by`` requested it (a role or an id), where that is known."""

    sequence: int
    digest: str
    controller: str
    as_of: dt.date
    status: PlanStatus
    made_at: dt.datetime
    made_by: str | None


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans in one engine database."""

    connections: Connections
    ledger: Ledger

    def store(self, plan: Plan, *, at: dt.datetime, by: str | None = None) -> PlanRecord:
        """Keep a plan as the current one of its controller and as-of date, with a ledger entry.

        Older plans for the same controller and date are superseded, save one whose run has begun and is unfinished:
        only that plan knows what its run has already changed. Storing an equal plan again makes it the newest again.
        """
        digest = plan.digest
        as_of = plan.as_of.isoformat()
        body = {
            "plan": digest, "controller": plan.controller, "as_of": as_of, "policy": plan.policy_digest,
            "data_map": plan.data_map_digest, "holds": plan.holds_digest, "steps": len(plan.steps),
            "records": sum(step.count for step in plan.steps), "refusals": len(plan.refusals),
        }  # fmt: skip
        if by is not None:
            body["by"] = by
        begun = sa.select(runs_table.c.plan).where(runs_table.c.state == "running")
        with self.connections.write() as connection:
            self.ledger.append("plan", body, at=at, within=connection)
            connection.execute(table.delete().where(table.c.digest == digest))
            connection.execute(
                table.update()
                .where(
                    table.c.controller == plan.controller,
                    table.c.as_of == as_of,
                    table.c.status == PlanStatus.CURRENT,
                    table.c.digest.not_in(begun),
                )
                .values(status=PlanStatus.SUPERSEDED)
            )
            newest = connection.execute(sa.select(sa.func.max(table.c.sequence))).scalar_one() or 0
            connection.execute(
                table.insert().values(
                    sequence=newest + 1, digest=digest, controller=plan.controller, as_of=as_of,
                    status=PlanStatus.CURRENT, made_at=instant(at), made_by=by,
                    body=rfc8785.dumps(plan.document()).decode(),
                )
            )  # fmt: skip
        return self.record(digest)

    def record(self, digest: str) -> PlanRecord:
        """A stored plan by digest, or by its first six or more digits.

        Raises:
            UsageError: there is no such plan, or more than one begins so.
        """
        return _record(self._row(digest))

    def load(self, digest: str) -> Plan:
        """The plan itself.

        Raises:
            UsageError: there is no such plan, or its body is not what its digest says.
        """
        row = self._row(digest)
        plan = Plan.from_document(json.loads(row.body))
        if plan.digest != row.digest:
            raise UsageError(
                "the stored plan is not the one that its digest names", f"plan {row.digest[:12]}", "Make a new plan."
            )
        return plan

    def latest(self, controller: str | None = None, as_of: dt.date | None = None) -> PlanRecord | None:
        """The newest plan that is not superseded, of a controller and date if they are given."""
        return next(
            (
                each
                for each in self.list(controller)
                if each.status is not PlanStatus.SUPERSEDED and as_of in {None, each.as_of}
            ),
            None,
        )

    def list(self, controller: str | None = None) -> Iterator[PlanRecord]:
        """Every stored plan, the newest first."""
        query = sa.select(*_COLUMNS).order_by(table.c.sequence.desc())
        if controller is not None:
            query = query.where(table.c.controller == controller)
        with self.connections.read() as connection:
            for row in connection.execute(query, execution_options={"yield_per": 200}):
                yield _record(row)

    def applied(self, digest: str) -> None:
        """Note that the plan's run is done."""
        with self.connections.write() as connection:
            connection.execute(table.update().where(table.c.digest == digest).values(status=PlanStatus.APPLIED))

    def _row(self, digest: str) -> sa.Row[tuple[object, ...]]:
        where = f"plan {digest[:12]!r}"
        wanted = digest.lower()
        if len(wanted) < _SHORTEST or not set(wanted) <= set("0123456789abcdef"):
            raise UsageError("this is no plan digest", where, f"Give {_SHORTEST} or more hexadecimal digits of it.")
        query = sa.select(table).where(table.c.digest.startswith(wanted)).limit(2)
        with self.connections.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise UsageError("there is no such plan", where, "`ardoise show --all` lists the plans.")
        if len(rows) > 1:
            raise UsageError("more than one plan begins so", where, "Give more digits.")
        return rows[0]


_COLUMNS = [column for column in table.c if column.name != "body"]


def _record(row: sa.Row[tuple[object, ...]]) -> PlanRecord:
    return PlanRecord(
        row.sequence,
        row.digest,
        row.controller,
        dt.date.fromisoformat(row.as_of),
        PlanStatus(row.status),
        dt.datetime.fromisoformat(row.made_at),
        row.made_by,
    )
