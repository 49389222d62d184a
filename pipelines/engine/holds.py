"""Legal holds in the engine database: opened and released for a case, never deleted.

A subject or a record appears as its keyed digest; the case as a reference number of the legal department's.
"""

from __future__ import annotations

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
from pipelines.engine.tables import holds as table
from pipelines.engine.tables import instant
from pipelines.errors import UsageError
from retention_rules.holds import Hold

_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{32,64}")


@dataclass(frozen=True, slots=True)
class HoldScope:
    """What a hold covers: the records for which everything given here is true; nothing given covers all.

    ``record`` and ``subject`` are keyed digests (`subjects.subject_digest`; a record's is that of
    ``store␟dataset␟key``); ``categories`` is empty for every category that may be held.
    """

    store: str | None = None
    dataset: str | None = None
    record: str | None = None
    subject: str | None = None
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A hold as it stands in the engine database; ``until`` is the day of release."""

    id: int
    case: str
    scope: HoldScope
    since: dt.date
    until: dt.date | None
    opened_by: str
    released_by: str | None = None

    def active(self, on: dt.date) -> bool:
        """Whether it is not yet released on a day; one that begins later counts too."""
        return self.until is None or on < self.until

    @property
    def hold(self) -> Hold:
        """The hold as the retention model sees it, over a record that the scope covers."""
        return Hold(self.case, self.since, self.until, self.scope.categories)


@dataclass(frozen=True, slots=True)
class Holds:
    """The holds in one engine database."""

    connections: Connections
    ledger: Ledger

    def open(self, case: str, scope: HoldScope, *, since: dt.date, by: str, at: dt.datetime) -> HoldRecord:
        """Open a hold.

        Raises:
            UsageError: the case is no reference (letters, digits, `_.:/-`), or a subject or record is no digest.
        """
        _check(case, scope)
        categories = sorted(scope.categories)
        with self.connections.write() as connection:
            number = connection.execute(
                table.insert()
                .values(
                    case=case, store=scope.store, dataset=scope.dataset, record=scope.record, subject=scope.subject,
                    categories=rfc8785.dumps(categories).decode(), since=since.isoformat(), opened_by=by,
                    opened_at=instant(at),
                )
                .returning(table.c.id)
            ).scalar_one()  # fmt: skip
            body: dict[str, Any] = {
                "hold": number, "categories": categories, "narrow": bool(scope.record or scope.subject),
                "since": since.isoformat(), "by": by,
            }  # fmt: skip
            body |= {key: value for key, value in (("store", scope.store), ("dataset", scope.dataset)) if value}
            self.ledger.append("hold_opened", body, at=at, within=connection)
        return HoldRecord(number, case, scope, since, None, by)

    def release(self, number: int, *, until: dt.date, by: str, at: dt.datetime) -> HoldRecord:
        """Release a hold: from ``until`` on it keeps no more. Its history stays.

        Raises:
            UsageError: there is no such hold, it is released already, or ``until`` lies before its beginning.
        """
        with self.connections.write() as connection:
            query = sa.select(table).where(table.c.id == number)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise UsageError("there is no such hold", f"hold {number}", "`ardoise hold list` names them.")
            if row.until is not None:
                raise UsageError("it has been released already", f"hold {number}", "Open a new one for a new case.")
            if until.isoformat() < row.since:
                raise UsageError("a hold cannot end before it begins", f"hold {number}", "Give a later day.")
            connection.execute(
                table.update()
                .where(table.c.id == number)
                .values(until=until.isoformat(), released_by=by, released_at=instant(at))
            )
            body = {"hold": number, "until": until.isoformat(), "by": by}
            self.ledger.append("hold_released", body, at=at, within=connection)
            return _record(connection.execute(sa.select(table).where(table.c.id == number)).one())

    def list(self, active_on: dt.date | None = None) -> list[HoldRecord]:
        """Every hold ever opened, or those not yet released on a day, in the order of opening."""
        with self.connections.read() as connection:
            found = [_record(row) for row in connection.execute(sa.select(table).order_by(table.c.id))]
        return [each for each in found if active_on is None or each.active(active_on)]

    def digest(self, active_on: dt.date) -> str:
        """What the plan is bound to: SHA-256 over the holds that are not released on a day."""
        return holds_digest(self.list(active_on))


def holds_digest(holds: Iterable[HoldRecord]) -> str:
    """SHA-256 over the canonical form of holds, whatever their order."""
    documents = [
        {
            "id": each.id, "case": each.case, "store": each.scope.store, "dataset": each.scope.dataset,
            "record": each.scope.record, "subject": each.scope.subject, "categories": sorted(each.scope.categories),
            "since": each.since.isoformat(), "until": each.until.isoformat() if each.until else None,
        }
        for each in sorted(holds, key=lambda hold: hold.id)
    ]  # fmt: skip
    return hashlib.sha256(rfc8785.dumps(documents)).hexdigest()


def _check(case: str, scope: HoldScope) -> None:
    if not _CASE.fullmatch(case):
        raise UsageError("a case is a reference of letters, digits and _.:/-", "hold", "Do not name a person in it.")
    for name, digest in (("record", scope.record), ("subject", scope.subject)):
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise UsageError(
                f"the {name} of a hold is given as its keyed digest", "hold", "See subjects.subject_digest."
            )


def _record(row: sa.Row[Any]) -> HoldRecord:
    return HoldRecord(
        row.id,
        row.case,
        HoldScope(row.store, row.dataset, row.record, row.subject, frozenset(json.loads(row.categories))),
        dt.date.fromisoformat(row.since),
        dt.date.fromisoformat(row.until) if row.until else None,
        row.opened_by,
        row.released_by,
    )
