"""What links a row to a person, as keyed digests that the store computes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.functions import keyed_digest, lower_trim
from connectors.sql.spelling import address, folded, joined, loose_address
from pipelines.data_map.model import SubjectLink
from pipelines.subjects import SEPARATOR

Expression = sa.ColumnElement[Any]

EMAIL = "email"
NAME = "name"
STRONG = frozenset({"exact", "canonical"})
"""The strengths of a match that moves a clock or destroys."""


@dataclass(frozen=True, slots=True)
class Key:
    """A kind of subject key and whether a match on it is weak."""

    kind: str
    weak: bool

    @property
    def name(self) -> str:
        """For use in the names of temporary tables."""
        return f"{'weak' if self.weak else 'strong'}_{self.kind}"


@dataclass(frozen=True, slots=True)
class LinkForm:
    """One form of one link of a dataset: the digest that it yields and how a match on it counts."""

    key: Key
    columns: tuple[str, ...]
    loose: bool = False

    def digest(self, table: sa.FromClause, digest_key: DigestKey, scope: str, dialect: str) -> Expression:
        """The subject digest of the row's own columns; NULL when they are empty, or hold no single address."""
        columns = [table.c[name] for name in self.columns]
        prefix = sa.literal(f"{scope}{SEPARATOR}{self.key.kind}{SEPARATOR}", sa.Text)
        if self.key.kind == EMAIL:
            form = loose_address(columns, dialect) if self.loose else address(columns, dialect)
            return keyed_digest(digest_key, prefix.concat(form))
        text = joined(columns, dialect)
        form = folded(text, dialect) if self.key.kind == NAME else lower_trim(text)
        return sa.case((form != "", keyed_digest(digest_key, prefix.concat(form))))

    def unread(self, table: sa.FromClause, dialect: str) -> Expression:
        """Whether the row names somebody by what is no single address: several in one cell, or a sentence."""
        if self.key.kind != EMAIL or self.loose:
            return sa.false()
        columns = [table.c[name] for name in self.columns]
        return sa.and_(joined(columns, dialect).like("%@%"), address(columns, dialect).is_(None))


def forms(links: Sequence[SubjectLink]) -> tuple[LinkForm, ...]:
    """The forms of a dataset's links by columns: each as it is, an address also in its loose form.

    A weak address is compared in its loose form only, which whoever has the same address has too.
    """
    found = []
    for link in links:
        if not link.columns:
            continue
        weak = link.strength not in STRONG
        if not (weak and link.kind == EMAIL):
            found.append(LinkForm(Key(link.kind, weak=weak), link.columns))
        if link.kind == EMAIL:
            found.append(LinkForm(Key(EMAIL, weak=True), link.columns, loose=True))
    return tuple(dict.fromkeys(found))
