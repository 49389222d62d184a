"""A policy: one controller's purposes, with the events, facts and groups that they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from retention_rules.conditions import Condition
from retention_rules.events import EventKind
from retention_rules.purposes import Purpose
from retention_rules.terms import Term


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy, includes resolved.

    ``events`` declares how the future of each event is read; ``facts`` are named conditions; ``supplied_facts``
    are the booleans, numbers and texts that datasets supply; ``groups`` name sets of categories; ``never_held`` lists
    categories that no hold may keep (the CVV). ``digest`` is a SHA-256 over the canonical form. ``categories``
    describes the category roots that are the policy's own, beside those of the IAB taxonomy. ``terms`` are the named
    periods; their figures are branches of the purposes.
    """

    name: str
    controller: str
    time_zone: ZoneInfo
    purposes: tuple[Purpose, ...]
    events: Mapping[str, EventKind]
    facts: Mapping[str, Condition]
    supplied_facts: Mapping[str, str]
    groups: Mapping[str, frozenset[str]]
    never_held: frozenset[str]
    digest: str
    categories: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Term] = field(default_factory=dict)

    def purposes_for(self, category: str) -> tuple[Purpose, ...]:
        """The purposes that keep a category (or a group named as one), in the policy's order."""
        return tuple(purpose for purpose in self.purposes if self.covers(purpose.keeps, category))

    def covers(self, keys: frozenset[str], category: str) -> bool:
        """Whether one of the category keys or group names equals the category or is an ancestor of it."""
        expanded = set(keys)
        for key in keys:
            expanded |= self.groups.get(key, frozenset())
        return any(category == key or category.startswith(f"{key}.") for key in expanded)
