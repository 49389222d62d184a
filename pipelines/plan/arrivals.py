"""What an arrival in the archive keeps: the fields that law and claims need, and what deciding on them will take.

The active purposes have ended when a record arrives; what remains to be known are the events and facts that law and
legal claims ask for (frozen), what the record itself told of its subjects (it goes on telling it), and the keyed
digests by which holds and subjects are found. Column names of the engine's own begin with `ardoise_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from connectors.sql.catalog import OWN_PREFIX
from pipelines.data_map.model import DatasetMap
from pipelines.plan.context import asked_of
from pipelines.plan.links import Key
from pipelines.plan.starting import FACT_TYPES
from pipelines.plan.supply import subject_events
from retention_rules.policy import Policy

DAY = f"{OWN_PREFIX}day"
"""The day on which the record arrived."""

RECORD = f"{OWN_PREFIX}record"
"""The keyed digest of the record, as holds name it."""

_LINK = re.compile(rf"{OWN_PREFIX}link\d+_(strong|weak)_(.+)")


@dataclass(frozen=True, slots=True)
class FrozenEvent:
    """The columns of one event. Not *open*: what is open does not move. NULL in ``missing``: nobody knew then."""

    missing: str
    first: str
    last: str

    @classmethod
    def asked(cls, event: str) -> FrozenEvent:
        """What law and claims ask of the record."""
        return cls(*(f"{OWN_PREFIX}e_{event}_{part}" for part in ("missing", "first", "last")))

    @classmethod
    def told(cls, event: str) -> FrozenEvent:
        """What the record tells of its subjects."""
        return cls(*(f"{OWN_PREFIX}s_{event}_{part}" for part in ("missing", "first", "last")))

    @property
    def columns(self) -> Mapping[str, sa.types.TypeEngine[Any]]:
        """Their types."""
        return {self.missing: sa.Boolean(), self.first: sa.Date(), self.last: sa.Date()}


@dataclass(frozen=True)
class ArrivalShape:
    """What the archive keeps of the records of one dataset."""

    dataset: DatasetMap
    policy: Policy

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories that can be in the archive: law or a claim keeps them, or a hold may."""
        found = sorted({each.category for each in self.dataset.personal.values()})
        return tuple(each for each in found if archivable(self.policy, each))

    @cached_property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The columns of each of these categories."""
        fields: dict[str, list[str]] = {each: [] for each in self.categories}
        for name, mapped in sorted(self.dataset.personal.items()):
            if mapped.category in fields:
                fields[mapped.category].append(name)
        return {category: tuple(names) for category, names in fields.items()}

    @cached_property
    def _asked(self) -> tuple[frozenset[str], frozenset[str]]:
        law = {p.name: p for each in self.categories for p in self.policy.purposes_for(each) if p.basis.archives}
        return asked_of(self.policy, law.values())

    @property
    def events(self) -> tuple[str, ...]:
        """The events that law and claims ask for."""
        return tuple(sorted(self._asked[0]))

    @property
    def facts(self) -> tuple[str, ...]:
        """The supplied facts that law and claims ask for."""
        return tuple(sorted(self._asked[1]))

    @cached_property
    def told(self) -> tuple[str, ...]:
        """The events that a record tells of its subjects."""
        return tuple(subject_events(self.dataset, self.policy))

    def columns(self, source: sa.Table, links: Iterable[Key]) -> dict[str, sa.types.TypeEngine[Any]]:
        """The types of all columns of the dataset's table in the archive, beside those of every arrival."""
        names = [*self.dataset.key, *(name for names in self.fields.values() for name in names)]
        columns: dict[str, sa.types.TypeEngine[Any]] = {name: source.c[name].type for name in names}
        columns |= {DAY: sa.Date(), RECORD: sa.String(64)}
        for event in self.events:
            columns |= FrozenEvent.asked(event).columns
        for event in self.told:
            columns |= FrozenEvent.told(event).columns
        for name in self.facts:
            columns[frozen_fact(name)] = FACT_TYPES[self.policy.supplied_facts[name]]
        return columns | {name: sa.String(64) for name in link_columns(links)}


def archivable(policy: Policy, category: str) -> bool:
    """Whether a category may be in the archive at all. A CVV may not: no law keeps it, and no hold."""
    return any(purpose.basis.archives for purpose in policy.purposes_for(category)) or not policy.covers(
        policy.never_held, category
    )


def frozen_fact(name: str) -> str:
    """The column of a supplied fact."""
    return f"{OWN_PREFIX}f_{name}"


def link_columns(links: Iterable[Key]) -> list[str]:
    """The columns of the links to subjects, in the order of the links."""
    return [f"{OWN_PREFIX}link{number}_{key.name}" for number, key in enumerate(links)]


def links_in(columns: Iterable[str]) -> Iterator[tuple[str, Key]]:
    """The columns of an archive table that hold links to subjects, and what kind of key each is."""
    for name in columns:
        if match := _LINK.fullmatch(name):
            yield name, Key(match[2], weak=match[1] == "weak")
