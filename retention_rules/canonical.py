"""The digest of a policy: equal for equal meaning, whatever the layout, the comments or the order of keys."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from retention_rules.conditions import describe
from retention_rules.policy import Policy
from retention_rules.purposes import Purpose


def digest_of(policy: Policy) -> str:
    """SHA-256, in hexadecimal, over the RFC 8785 form of everything that a decision or its citation depends on."""
    return hashlib.sha256(rfc8785.dumps(_document(policy))).hexdigest()


def _document(policy: Policy) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "controller": policy.controller,
        "time_zone": policy.time_zone.key,
        "events": dict(policy.events),
        "facts": {name: describe(condition) for name, condition in policy.facts.items()},
        "supplied": dict(policy.supplied_facts),
        "groups": {name: sorted(keys) for name, keys in policy.groups.items()},
        "never_held": sorted(policy.never_held),
        "purposes": {purpose.name: _purpose(purpose) for purpose in policy.purposes},
    }


def _purpose(purpose: Purpose) -> dict[str, Any]:
    """What a purpose says; what it leaves out is left out, so that digests outlive new words of the language."""
    document = {
        "basis": purpose.basis,
        "source": purpose.source,
        "keeps": sorted(purpose.keeps),
        "after": [purpose.starting_point.choice, *sorted(purpose.starting_point.events)],
        "for": [[str(each.period), describe(each.when) if each.when else None] for each in purpose.periods],
        "when": describe(purpose.when) if purpose.when else None,
        "then": purpose.end_action,
    }
    return document | {"ended_by": purpose.ended_by} if purpose.ended_by else document
