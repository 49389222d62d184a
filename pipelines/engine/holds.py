"""Legal holds in the engine database: opened and released for a case, never deleted.

A subject or a record appears as its keyed digest; the case as a reference number of the legal department's. A release
takes two persons, where the estate does not say otherwise: one asks, another confirms; until then the hold keeps, and
the request can be withdrawn.
"""

from __future__ import annotations

import builtins
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import rfc8785
import sqlalchemy as sa

from pipelines.engine.connection import Connections
from pipelines.engine.ledger import Ledger
from pipelines.engine.tables import holds as table
from pipelines.engine.tables import instant
from pipelines.errors import NotApproved, UsageError
from retention_rules.holds import Hold

_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{32,64}")


@dataclass(frozen=True, slots=True)
class HoldScope:
    """What a hold covers: the records for which everything given here is true; nothing given covers all.

    ``record`` and ``subject`` are keyed digests (`subjects.subject_digest`; a record's is that of
    ``store␟dataset␟key``, a message's or meeting's that of ``store␟dataset␟container␟key``); ``categories`` is empty
    for every category that may be held.
    """

    store: str | None = None
    dataset: str | None = None
    record: str | None = None
    subject: str | None = None
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A hold as it stands in the engine database; ``until`` is the day of release.

    ``asked_by`` wants it released from ``asked_until`` on, which a second person has not confirmed while ``until`` is
    None.
    """

    id: int
    case: str
    scope: HoldScope
    since: dt.date
    until: dt.date | None
    opened_by: str
    released_by: str | None = None
    released_at: dt.datetime | None = None
    asked_by: str | None = None
    asked_until: dt.date | None = None

    def active(self, on: dt.date) -> bool:
        """Whether it is not yet released on a day; one that begins later counts too."""
        return self.until is None or on < self.until

    @property
    def hold(self) -> Hold:
        """The hold as the retention model sees it, over a record that the scope covers."""
        return Hold(self.case, self.since, self.until, self.scope.categories)


@dataclass(frozen=True, slots=True)
class Holds:
    """The holds in one engine database. ``two_persons``: who asks for a release may not confirm it."""

    connections: Connections
    ledger: Ledger
    two_persons: bool = True

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

    def release(
        self, case: str, *, until: dt.date, by: str, at: dt.datetime, number: int | None = None
    ) -> builtins.list[HoldRecord]:
        """Release the holds of a case from a day on, or ask for it where two persons are required and nobody has yet.

        All of them that are not released yet, or the one of that number; all or none. A record's ``until`` stays None
        as long as its release was only asked for; what the same person asked for before is passed over. Confirmed for
        another day than asked, the later one counts. The history stays.

        Raises:
            UsageError: no such hold waits for its release, or ``until`` lies before the beginning of one.
            NotApproved: who asked for the release tries to confirm it.
        """
        with self.connections.write() as connection:
            rows = self._keeping(connection, case, number)
            others = [row for row in rows if not (self.two_persons and row.release_asked_by == by)]
            if not others:
                raise NotApproved(
                    "who asked for the release may not confirm it", _where(case), "Ask a second person to confirm it."
                )
            return [self._step(connection, row, until, by, at) for row in others]

    def withdraw(self, case: str, *, by: str, at: dt.datetime, number: int | None = None) -> builtins.list[HoldRecord]:
        """Take back the requests for the release of a case's holds, or the one about the hold of that number.

        Anybody may: who asked takes it back, another refuses to confirm it; the hold keeps either way. A release after
        that has to be asked for, and confirmed, anew. The history stays in the ledger.

        Raises:
            UsageError: nobody has asked for such a release, or it is confirmed already.
        """
        with self.connections.write() as connection:
            asked = [row for row in self._keeping(connection, case, number) if row.release_asked_by is not None]
            if not asked:
                raise UsageError(
                    "nobody has asked for such a release", _where(case), "`ardoise hold list` shows what is asked for."
                )
            return [self._unasked(connection, row, by, at) for row in asked]

    def _keeping(self, connection: sa.Connection, case: str, number: int | None) -> Sequence[sa.Row[Any]]:
        """The holds of a case that are not released, or the one of that number, locked.

        Raises:
            UsageError: there is none.
        """
        wanted = [table.c.case == case, table.c.until.is_(None)] + ([] if number is None else [table.c.id == number])
        query = sa.select(table).where(*wanted).order_by(table.c.id)
        if connection.dialect.name == "postgresql":
            query = query.with_for_update()
        rows = connection.execute(query).all()
        if not rows:
            raise UsageError("no such hold keeps anything", _where(case), "`ardoise hold list` names them.")
        return rows

    def _unasked(self, connection: sa.Connection, row: sa.Row[Any], by: str, at: dt.datetime) -> HoldRecord:
        nothing = {"release_asked_by": None, "release_asked_at": None, "release_asked_until": None}
        connection.execute(table.update().where(table.c.id == row.id).values(**nothing))
        body = {"hold": row.id, "by": by, "requester": row.release_asked_by}
        self.ledger.append("hold_release_withdrawn", body, at=at, within=connection)
        return _record(connection.execute(sa.select(table).where(table.c.id == row.id)).one())

    def _step(
        self, connection: sa.Connection, row: sa.Row[Any], until: dt.date, by: str, at: dt.datetime
    ) -> HoldRecord:
        """Ask for a release, or carry it out, with the entry in the ledger."""
        day = max(until.isoformat(), row.release_asked_until or "")
        if day < row.since:
            raise UsageError("a hold cannot end before it begins", f"hold {row.id}", "Give a later day.")
        body: dict[str, Any] = {"hold": row.id, "until": day, "by": by}
        if self.two_persons and row.release_asked_by is None:
            kind = "hold_release_asked"
            change = {"release_asked_by": by, "release_asked_at": instant(at), "release_asked_until": day}
        else:
            kind = "hold_released"
            change = {"until": day, "released_by": by, "released_at": instant(at)}
            if row.release_asked_by is not None:
                body["requester"] = row.release_asked_by
        connection.execute(table.update().where(table.c.id == row.id).values(**change))
        self.ledger.append(kind, body, at=at, within=connection)
        return _record(connection.execute(sa.select(table).where(table.c.id == row.id)).one())

    def list(self, active_on: dt.date | None = None) -> builtins.list[HoldRecord]:
        """Every hold ever opened, or those not yet released on a day, in the order of opening."""
        with self.connections.read() as connection:
            found = [_record(row) for row in connection.execute(sa.select(table).order_by(table.c.id))]
        return [each for each in found if active_on is None or each.active(active_on)]

    def unreleased_since(self, at: dt.datetime) -> builtins.list[HoldRecord]:
        """Every hold ever opened, as if what was released after a time were not: a release counts from the next plan.

        A run reads this before each chunk: a hold that is opened meanwhile keeps, one that is released still does.
        """
        return [
            replace(each, until=None) if each.released_at is not None and each.released_at > at else each
            for each in self.list()
        ]

    def watch(self, since: dt.datetime) -> HoldsWatch:
        """What a run sees of the holds, for a plan that was made at a time."""
        return HoldsWatch(self, since, tuple(self.unreleased_since(since)))

    def digest(self, active_on: dt.date) -> str:
        """What the plan is bound to: SHA-256 over the holds that are not released on a day."""
        return holds_digest(self.list(active_on))


@dataclass
class HoldsWatch:
    """The holds that a run knows, read anew inside each of its transactions.

    A hold that is opened while it acts keeps what it covers from the next chunk on; a release waits for a new plan.
    """

    holds: Holds
    since: dt.datetime
    known: tuple[HoldRecord, ...]

    def changed(self) -> bool:
        """Whether the holds are no longer those known; from now on, those of now are."""
        found = tuple(self.holds.unreleased_since(self.since))
        before, self.known = self.known, found
        return [each.id for each in found] != [each.id for each in before]


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


def _where(case: str) -> str:
    """How an error names a case; what is no reference is not repeated."""
    return f"case {case}" if _CASE.fullmatch(case) else "hold"


def _check(case: str, scope: HoldScope) -> None:
    if not _CASE.fullmatch(case):
        raise UsageError("a case is a reference of letters, digits and _.:/-", "hold", "Do not name a person in it.")
    for name, digest in (("record", scope.record), ("subject", scope.subject)):
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise UsageError(
                f"the {name} of a hold is given as its keyed digest", "hold", "See subjects.subject_digest."
            )
    if scope.record is not None and (scope.store is None or scope.dataset is None):
        raise UsageError("a record lies in a dataset", "hold", "Name its store and its dataset.")


def _record(row: sa.Row[Any]) -> HoldRecord:
    return HoldRecord(
        row.id,
        row.case,
        HoldScope(row.store, row.dataset, row.record, row.subject, frozenset(json.loads(row.categories))),
        dt.date.fromisoformat(row.since),
        _day(row.until),
        row.opened_by,
        row.released_by,
        dt.datetime.fromisoformat(row.released_at) if row.released_at else None,
        row.release_asked_by,
        _day(row.release_asked_until),
    )


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
