"""The results of verification, as the expectations report them: measures, expected and seen counts; no values."""

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

    def store(self, plan: str, found: Sequence[Mapping[str, Scalar]], *, at: dt.datetime) -> None:
        """Replace a plan's findings with these."""
        rows = [{"plan": plan, "at": instant(at), "body": rfc8785.dumps(dict(each)).decode()} for each in found]
        with self.connections.write() as connection:
            connection.execute(table.delete().where(table.c.plan == plan))
            if rows:
                connection.execute(table.insert(), rows)

    def of(self, plan: str) -> list[dict[str, Any]]:
        """A plan's findings, in the order in which they were stored."""
        query = sa.select(table.c.body).where(table.c.plan == plan).order_by(table.c.id)
        with self.connections.read() as connection:
            return [json.loads(body) for body in connection.execute(query).scalars()]
