"""What a person's request ends under a controller's policy: purposes, by the events that they are `ended_by`."""

from __future__ import annotations

from collections.abc import Collection

from pipelines.errors import UsageError
from retention_rules.policy import Policy
from retention_rules.problems import suggestion
from retention_rules.purposes import Purpose, Right


def ended_purposes(policy: Policy, right: Right, names: Collection[str] = ()) -> tuple[Purpose, ...]:
    """The purposes that a request ends: those that are named, or all that such a request can end.

    Raises:
        UsageError: there are none, one of the names is none of them, or one ends with others that are not named.
    """
    where = f"policy {policy.name}"
    possible = {each.name: each for each in policy.purposes if each.ended_by and each.basis in right.bases}
    if not possible:
        bases = " or ".join(sorted(right.bases))
        raise UsageError(f"no purpose on {bases} says what ends it", where, "Write `ended_by: EVENT` in the policy.")
    for name in names:
        if name not in possible:
            remedy = suggestion(name, possible, f"It can end: {', '.join(possible)}")
            raise UsageError(f"no purpose {name!r} is ended by such a request", where, f"{remedy}.")
    events = {possible[name].ended_by for name in names or possible}
    ended = tuple(each for each in policy.purposes if each.ended_by in events)
    others = [each.name for each in ended if names and each.name not in names]
    if others:
        raise UsageError(
            f"{', '.join(others)} would end with it, by the same event",
            where,
            "Name these too, or give the purposes events of their own in the policy.",
        )
    return ended
