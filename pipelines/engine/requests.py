"""Persons' requests that end purposes, in the engine database: objections and withdrawn consents, never deleted.

A person appears as her keyed digest, what the request ends as the events that the policy's purposes are `ended_by`.
What a store knows of such requests itself, it supplies as these events; both count alike.
"""

from __future__ import annotations

import builtins
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.ledger import Ledger
from pipelines.engine.tables import instant
from pipelines.engine.tables import requests as table
from pipelines.errors import UsageError
from retention_rules.purposes import Right

_DIGEST = re.compile(r"[0-9a-f]{32,64}")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request as it stands: who asked (``subject``, a keyed digest), which ``right``, from which day ``on``.

    ``events`` are the policy's that it makes happen. One that was retracted had been recorded by mistake, or was taken
    back: it counts for nothing.
    """

    id: int
    controller: str
    subject: str
    right: Right
    events: frozenset[str]
    on: dt.date
    recorded_by: str
    recorded_at: dt.datetime
    retracted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests in one engine database."""

    connections: Connections
    ledger: Ledger

    def record(
        self,
        controller: str,
        subject: str,
        right: Right,
        events: Iterable[str],
        *,
        on: dt.date,
        by: str,
        at: dt.datetime,
    ) -> RequestRecord:
        """Record what a person asks of a controller.

        Raises:
            UsageError: the person is not given as a digest, no event is named, or the day is still to come.
        """
        names = sorted(events)
        if not _DIGEST.fullmatch(subject):
            raise UsageError("a person is given as a keyed digest", "request", "See subjects.subject_digest.")
        if not names:
            raise UsageError("the request would end nothing", "request", "Name a purpose that such a request ends.")
        if on > at.date() + dt.timedelta(days=1):  # whatever the zone
            raise UsageError(f"{on} is still to come", "request", "Give the day on which it was made.")
        with self.connections.write() as connection:
            number = connection.execute(
                table.insert()
                .values(
                    controller=controller, subject=subject, right=right.value, events=rfc8785.dumps(names).decode(),
                    on=on.isoformat(), recorded_by=by, recorded_at=instant(at),
                )
                .returning(table.c.id)
            ).scalar_one()  # fmt: skip
            body: dict[str, Any] = {
                "request": number, "controller": controller, "right": right.value, "events": names,
                "on": on.isoformat(), "by": by,
            }  # fmt: skip
            self.ledger.append("request_recorded", body, at=at, within=connection)
        return RequestRecord(number, controller, subject, right, frozenset(names), on, by, at)

    def retract(self, number: int, *, by: str, at: dt.datetime) -> RequestRecord:
        """Take a request back; what was done because of it stays done.

        Raises:
            UsageError: there is no such request, or it is retracted already.
        """
        mine = table.c.id == number
        with self.connections.write() as connection:
            change = table.update().where(mine, table.c.retracted_by.is_(None))
            if not connection.execute(change.values(retracted_by=by, retracted_at=instant(at))).rowcount:
                raise UsageError("there is no such request", f"request {number}", "`ardoise request list` names them.")
            self.ledger.append("request_retracted", {"request": number, "by": by}, at=at, within=connection)
            return _record(connection.execute(sa.select(table).where(mine)).one())

    def list(self) -> builtins.list[RequestRecord]:
        """Every request ever recorded, in the order of recording."""
        with self.connections.read() as connection:
            return [_record(row) for row in connection.execute(sa.select(table).order_by(table.c.id))]

    def standing(self, controller: str, until: dt.datetime | None = None) -> tuple[RequestRecord, ...]:
        """A controller's requests that are not retracted.

        ``until``: without those recorded later; what a plan of that time did not know is for the next one.
        """
        return tuple(
            each
            for each in self.list()
            if each.controller == controller
            and each.retracted_by is None
            and (until is None or each.recorded_at <= until)
        )

    def digest(self, controller: str, as_of: dt.date) -> str:
        """What a plan is bound to: SHA-256 over the requests that count on a day."""
        documents: list[dict[str, Any]] = [
            {"id": each.id, "subject": each.subject, "events": sorted(each.events), "on": each.on.isoformat()}
            for each in self.standing(controller)
            if each.on <= as_of
        ]
        return hashlib.sha256(rfc8785.dumps(documents)).hexdigest()


def _record(row: sa.Row[Any]) -> RequestRecord:
    return RequestRecord(
        row.id,
        row.controller,
        row.subject,
        Right(row.right),
        frozenset(json.loads(row.events)),
        dt.date.fromisoformat(row.on),
        row.recorded_by,
        dt.datetime.fromisoformat(row.recorded_at),
        row.retracted_by,
    )
