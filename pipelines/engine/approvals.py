"""Who allowed what: explicit and standing approvals, kept in the ledger and nowhere else.

An approval is given for exactly one plan digest; a standing one for every plan of a controller under one policy
digest, within limits. Both expire, both can be revoked. `authorise` is the only door to a destructive run.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from pipelines.counted import counted
from pipelines.engine.connection import Connections
from pipelines.engine.ledger import Entry, Ledger
from pipelines.engine.plans import Plans, PlanStatus
from pipelines.engine.tables import instant
from pipelines.errors import NotApproved, UsageError
from pipelines.plan.artefact import Plan


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What allows a plan to be applied: the ledger entry of the approval, by whom, and until when."""

    plan: str
    entry: int
    by: str
    expires: dt.datetime
    standing: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """What a plan would do at most: records in all, and the largest share of a dataset."""

    count: int
    share: float


@dataclass(frozen=True, slots=True)
class _Case:
    """The plan for which an approval is sought, and what the approvals are held against."""

    plan: Plan
    digest: str
    now: dt.datetime
    requesters: frozenset[str]
    revoked: frozenset[int]

    def concerned(self, entry: Entry) -> bool:
        if entry.kind == "approval":
            return bool(entry.body["plan"] == self.digest)
        return bool(entry.body["controller"] == self.plan.controller)


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals in one engine database's ledger. ``two_persons``: who requests a plan may not approve it."""

    connections: Connections
    ledger: Ledger
    plans: Plans
    two_persons: bool = False

    def approve(self, plan_digest: str, *, by: str, at: dt.datetime, expires: dt.datetime) -> Entry:
        """Approve exactly this plan until a time.

        Raises:
            UsageError: there is no such plan, or the approval would have expired already.
            NotApproved: the plan is superseded or has refusals, or its approver requested it.
        """
        record = self.plans.record(plan_digest)
        plan = self.plans.load(record.digest)
        where = f"plan {record.digest[:12]}"
        _sound(plan, record.status, where)
        if self.two_persons and record.made_by == by:
            raise NotApproved("who requested a plan may not approve it", where, "Ask a second person to.")
        _unexpired(at, expires)
        body = {"plan": record.digest, "by": by, "expires": instant(expires)}
        return self.ledger.append("approval", body, at=at)

    def grant_standing(
        self,
        controller: str,
        policy_digest: str,
        *,
        by: str,
        at: dt.datetime,
        expires: dt.datetime,
        max_count: int,
        max_share: float,
        requester: str | None = None,
    ) -> Entry:
        """Approve beforehand every plan of a controller under one policy, within limits, until a time.

        ``max_count`` bounds the records of a plan, ``max_share`` (0 to 1) those of each dataset.

        Raises:
            UsageError: the approval would have expired already, or a limit makes no sense.
            NotApproved: two persons are required and were not there.
        """
        if self.two_persons and requester in {None, by}:
            raise NotApproved(
                "a standing approval needs two persons", f"controller {controller}", "Name who requested it."
            )
        _unexpired(at, expires)
        body = {
            "controller": controller, "policy": policy_digest, "by": by, "expires": instant(expires),
            "max_count": max_count, "max_share": float(max_share),
        }  # fmt: skip
        if requester is not None:
            body["requester"] = requester
        return self.ledger.append("standing_approval", body, at=at)

    def revoke(self, approval: int, *, by: str, at: dt.datetime) -> Entry:
        """Take an approval back, by the sequence of its ledger entry.

        Raises:
            UsageError: that entry is no approval.
        """
        found = next(self.ledger.entries("approval", "standing_approval", after=approval - 1), None)
        if found is None or found.sequence != approval:
            raise UsageError("this ledger entry is no approval", f"entry {approval}", "Give an approval's sequence.")
        return self.ledger.append("revocation", {"approval": approval, "by": by}, at=at)

    def authorise(self, plan: Plan, *, now: dt.datetime, requested_by: str | None = None) -> Authorisation:
        """The approval under which the plan may be applied at this time.

        Raises:
            LedgerBroken: the ledger cannot be trusted.
            NotApproved: nothing allows it; the message says what would.
        """
        self.ledger.require_whole()
        digest = plan.digest
        where = f"plan {digest[:12]}"
        try:
            record = self.plans.record(digest)
        except UsageError:
            raise NotApproved("it is not a plan of this engine database", where, "Make it anew.") from None
        _sound(plan, record.status, where)
        case = _Case(
            plan,
            digest,
            now,
            requesters=frozenset(each for each in (requested_by, record.made_by) if each),
            revoked=frozenset(entry.body["approval"] for entry in self.ledger.entries("revocation")),
        )
        reasons: list[str] = []
        for entry in self.ledger.entries("approval", "standing_approval"):
            if not case.concerned(entry):
                continue
            reason = self._objection(entry, case)
            if reason is None:
                expires = dt.datetime.fromisoformat(entry.body["expires"])
                standing = entry.kind == "standing_approval"
                return Authorisation(digest, entry.sequence, entry.body["by"], expires, standing)
            reasons.append(f"approval {entry.sequence} {reason}")
        raise NotApproved(
            "; ".join(["no approval in the ledger allows it", *reasons[-3:]]),
            where,
            f"Look at it with `ardoise show {digest[:12]}`, then `ardoise approve {digest[:12]}`.",
        )

    def _objection(self, entry: Entry, case: _Case) -> str | None:
        """Why an approval that concerns the plan does not allow it; None if it does."""
        if entry.sequence in case.revoked:
            return "was revoked"
        if case.now >= dt.datetime.fromisoformat(entry.body["expires"]):
            return "has expired"
        if case.now < entry.at:
            return "was given later than now"
        if entry.kind == "approval":
            return self._one_person(entry.body["by"], case.requesters)
        return _beyond(entry, case.plan) or self._one_person(
            entry.body["by"], frozenset(filter(None, [entry.body.get("requester")]))
        )

    def _one_person(self, approver: str, requesters: frozenset[str]) -> str | None:
        if not self.two_persons:
            return None
        if not requesters:
            return "needs two persons, and who requested it is not known"
        return "was given by who requested it" if approver in requesters else None


def extent_of(plan: Plan) -> Extent:
    """What the plan would do at most: a record that several steps touch counts for each."""
    acted: dict[tuple[str, str], int] = defaultdict(int)
    for step in plan.steps:
        acted[step.store, step.dataset] += step.count
    there: dict[tuple[str, str, str], int] = defaultdict(int)
    for tally in plan.tallies:  # what has moved to an archive is counted there, and in the active base no more
        there[tally.store, tally.dataset, tally.category] += tally.found
    found: dict[tuple[str, str], int] = defaultdict(int)
    for (store, dataset, _), count in there.items():
        found[store, dataset] = max(found[store, dataset], count)
    shares = [min(count / found[where], 1.0) if found[where] else 1.0 for where, count in acted.items() if count]
    return Extent(sum(acted.values()), max(shares, default=0.0))


def _beyond(entry: Entry, plan: Plan) -> str | None:
    """How a plan goes beyond what a standing approval covers; None if it does not."""
    if entry.body["policy"] != plan.policy_digest:
        return "is for another version of the policy"
    extent = extent_of(plan)
    if extent.count > entry.body["max_count"]:
        allowed = counted(entry.body["max_count"], "{n} record", "{n} records")
        return f"allows {allowed}, the plan has {extent.count:,}"
    if extent.share > entry.body["max_share"]:
        return f"allows {entry.body['max_share']:.0%} of a dataset, the plan takes {extent.share:.0%}"
    return None


def _sound(plan: Plan, status: PlanStatus, where: str) -> None:
    if status is PlanStatus.SUPERSEDED:
        raise NotApproved("a newer plan for the same date has superseded it", where, "Use the newest plan.")
    if plan.refusals:
        first = plan.refusals[0]
        place = ".".join(filter(None, (first.store, first.dataset)))
        raise NotApproved(
            f"the plan itself refuses to be applied ({': '.join(filter(None, (place, first.reason)))})",
            where,
            first.remedy or "Mend the cause and make a new plan.",
        )


def _unexpired(at: dt.datetime, expires: dt.datetime) -> None:
    if expires <= at:
        raise UsageError("the approval would have expired already", "approval", "Give a later expiry.")
