"""What expectations found before a run and after it: measures, expected and seen counts; no values."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.tables import findings as table
from pipelines.engine.tables import instant

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings in one engine database."""

    connections: Connections

    def store(
        self, plan: str, found: Sequence[Mapping[str, Scalar]], *, at: dt.datetime, stage: str | None = None
    ) -> None:
        """Replace a plan's findings with these; or those of one stage alone, where they all are of it."""
        bodies = [rfc8785.dumps(dict(each)).decode() for each in found]
        with self.connections.write() as connection:
            known = connection.execute(sa.select(table.c.id, table.c.body).where(table.c.plan == plan)).all()
            old = [row.id for row in known if stage is None or json.loads(row.body).get("stage") == stage]
            connection.execute(table.delete().where(table.c.id.in_(old)))
            if bodies:
                rows = [{"plan": plan, "at": instant(at), "body": body} for body in bodies]
                connection.execute(table.insert(), rows)

    def of(self, plan: str) -> list[dict[str, Any]]:
        """A plan's findings, in the order in which they were stored."""
        query = sa.select(table.c.body).where(table.c.plan == plan).order_by(table.c.id)
        with self.connections.read() as connection:
            return [json.loads(body) for body in connection.execute(query).scalars()]

    def plans(self) -> list[str]:
        """The plans of which there are findings, those that were looked at last first."""
        query = sa.select(table.c.plan).group_by(table.c.plan).order_by(sa.func.max(table.c.id).desc())
        with self.connections.read() as connection:
            return list(connection.execute(query).scalars())
