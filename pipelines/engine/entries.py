"""What a ledger entry of each kind may say: digests, names, counts, dates and enumerations; no key, value or free text.

A name is what the estate's files call something (a store, a dataset, a policy, a role): letters, digits and a few
signs, so that no address and no sentence fits in. A new kind is a new model here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pipelines.errors import UsageError

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,127}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Instant = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
Counter = Literal[
    "done", "deleted", "anonymised", "redacted", "archived", "already_gone", "conflict", "refused", "held", "pending",
    "unknown", "stale", "blocked", "skipped", "remaining", "held_back", "hidden",
]  # fmt: skip


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlanMade(_Body):
    """A plan was made and stored."""

    plan: Digest
    controller: Name
    as_of: Day
    policy: Digest
    data_map: Digest
    holds: Digest
    steps: Count
    records: Count
    refusals: Count
    by: Name | None = None


class Approved(_Body):
    """A person approved exactly this plan."""

    plan: Digest
    by: Name
    expires: Instant


class StandingApproved(_Body):
    """A person approved every plan of a controller under one policy, within limits."""

    controller: Name
    policy: Digest
    by: Name
    expires: Instant
    max_count: Count
    max_share: Share
    requester: Name | None = None


class Revoked(_Body):
    """An approval, explicit or standing, was taken back; ``approval`` is the sequence of its entry."""

    approval: Count
    by: Name


class MapApproved(_Body):
    """Datasets of a store's data map were approved.

    ``digest`` is that of the whole store's approved map, ``digests`` are those of the datasets approved here.
    ``confidence``: no person approved, but the estate's rule, from that share of a column's values on.
    """

    store: Name
    datasets: tuple[Name, ...]
    digest: Digest
    digests: dict[Name, Digest]
    by: Name
    on: Day
    confidence: Share | None = None


class HoldOpened(_Body):
    """A hold was opened. Its case is not named here; ``narrow`` says whether it concerns one subject or record."""

    hold: Count
    store: Name | None = None
    dataset: Name | None = None
    categories: tuple[Name, ...] = ()
    narrow: bool = False
    since: Day
    by: Name


class ReleaseAsked(_Body):
    """A person asked for a hold's release from ``until`` on; it keeps until a second person has confirmed that."""

    hold: Count
    until: Day
    by: Name


class HoldReleased(_Body):
    """A hold was released; from ``until`` on it keeps no more. ``requester`` asked for it, where two persons do it."""

    hold: Count
    until: Day
    by: Name
    requester: Name | None = None


class ReleaseWithdrawn(_Body):
    """What ``requester`` had asked for was taken back before anybody confirmed it, by the same person or another."""

    hold: Count
    by: Name
    requester: Name


class RequestRecorded(_Body):
    """What a person asked of a controller was recorded: a right, and the policy's events that it makes happen."""

    request: Count
    controller: Name
    right: Literal["objection", "withdrawal"]
    events: tuple[Name, ...]
    on: Day
    by: Name


class RequestRetracted(_Body):
    """A request was taken back, or had been recorded by mistake."""

    request: Count
    by: Name


class Intended(_Body):
    """Written before the first destructive call of a step (or chunk of one)."""

    plan: Digest
    store: Name
    dataset: Name
    step: Name
    action: Literal["delete", "anonymise", "redact", "archive"]
    records: Count
    chunk: Count | None = None
    by: Name | None = None


class Received(_Body):
    """What became of an intent.

    ``strategy``: how it was carried out; with an ``obstacle``, how it was not, and what stood in the way. ``expires``:
    of the kinds of residue that do, the last day on which it is there.
    """

    plan: Digest
    store: Name
    dataset: Name
    step: Name
    action: Literal["delete", "anonymise", "redact", "archive"]
    outcomes: dict[Counter, Count]
    complete: bool = True
    chunk: Count | None = None
    intent: Count | None = None
    strategy: Literal["drop_partition", "rewrite", "ranges"] | None = None
    obstacle: Name | None = None
    residue: tuple[Name, ...] = ()
    expires: dict[Name, Day] | None = None
    by: Name | None = None


class RefusalMade(_Body):
    """A run was refused before it wrote anything, or stopped; ``reason`` is the kind of error."""

    reason: Name
    plan: Digest | None = None
    controller: Name | None = None
    store: Name | None = None
    dataset: Name | None = None
    by: Name | None = None


class Verified(_Body):
    """A verification was carried out: how many expectations were checked and how many failed."""

    plan: Digest
    passed: bool
    checked: Count
    failed: Count
    by: Name | None = None


Motive = Literal["litigation", "accounting", "authority", "subject_request"]
"""Why somebody may look into an archive: a claim or a suit, a control of accounts or taxes, an order of an authority, a
person's own request."""


class ArchiveAccessed(_Body):
    """Somebody is about to see ``count`` archived records; ``narrow``: of one record that was named.

    ``case`` is the keyed digest of the case's reference, ``record`` that of the record: either may hold a name.
    """

    store: Name
    dataset: Name
    motive: Motive
    case: Digest | None = None
    record: Digest | None = None
    narrow: bool = False
    count: Count
    by: Name


KINDS: dict[str, type[_Body]] = {
    "plan": PlanMade,
    "approval": Approved,
    "standing_approval": StandingApproved,
    "revocation": Revoked,
    "map_approved": MapApproved,
    "hold_opened": HoldOpened,
    "hold_release_asked": ReleaseAsked,
    "hold_released": HoldReleased,
    "hold_release_withdrawn": ReleaseWithdrawn,
    "request_recorded": RequestRecorded,
    "request_retracted": RequestRetracted,
    "intent": Intended,
    "receipt": Received,
    "refusal": RefusalMade,
    "verification": Verified,
    "archive_access": ArchiveAccessed,
}
"""The kinds of entry and the shape of each one's body."""


def canonical_body(kind: str, body: dict[str, Any]) -> str:
    """The body as canonical JSON, after holding it against its kind's shape.

    Raises:
        UsageError: the kind is unknown, or the body has a key or a value that the kind does not admit. The value
            itself is not repeated.
    """
    model = KINDS.get(kind)
    if model is None:
        raise UsageError(f"there is no ledger entry of kind {kind!r}", "ledger", f"Kinds are {', '.join(KINDS)}.")
    try:
        checked = model.model_validate(_tuples(body))
    except ValidationError as error:
        keys = ", ".join(sorted({".".join(str(part) for part in each["loc"][:1]) for each in error.errors()}))
        raise UsageError(
            f"a ledger entry of kind {kind} does not admit what was given for: {keys}",
            "ledger",
            "Names are those of the estate's files; the ledger takes no free text, no address and no value.",
        ) from None
    return rfc8785.dumps(checked.model_dump(mode="json", exclude_none=True)).decode()


def _tuples(body: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
