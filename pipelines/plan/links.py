"""What links a row to a person, as keyed digests that the store computes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.functions import keyed_digest, lower_trim
from pipelines.data_map.model import SubjectLink
from pipelines.subjects import SEPARATOR

Expression = sa.ColumnElement[Any]

EMAIL = "email"
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
        """The subject digest of the row's own columns; NULL when they are empty."""
        parts = [sa.func.coalesce(sa.cast(table.c[name], sa.Text), "") for name in self.columns]
        joined: Expression = parts[0]
        for part in parts[1:]:
            joined = joined.concat(" ").concat(part)
        form = lower_trim(joined)
        text = loosened(form, dialect) if self.loose else form
        prefix = sa.literal(f"{scope}{SEPARATOR}{self.key.kind}{SEPARATOR}", sa.Text)
        return sa.case((form != "", keyed_digest(digest_key, prefix.concat(text))))


def forms(links: Sequence[SubjectLink]) -> tuple[LinkForm, ...]:
    """The forms of a dataset's links by columns: each as it is, an address also in its loose form."""
    found = []
    for link in links:
        if not link.columns:
            continue
        found.append(LinkForm(Key(link.kind, weak=link.strength not in STRONG), link.columns))
        if link.kind == EMAIL:
            found.append(LinkForm(Key(EMAIL, weak=True), link.columns, loose=True))
    return tuple(dict.fromkeys(found))


def loosened(form: Expression, dialect: str) -> Expression:
    """`subjects.loose_email` of a canonical address, in SQL."""
    local, domain = _part(form, "@", 1, dialect), _part(form, "@", 2, dialect)
    bare = sa.func.replace(_part(local, "+", 1, dialect), ".", "", type_=sa.Text())
    provider = sa.case((domain == "googlemail.com", "gmail.com"), else_=domain)
    loose = sa.case((bare == "", local), else_=bare).concat("@").concat(provider)
    return sa.case((domain == "", form), else_=loose)


def _part(text: Expression, mark: str, number: int, dialect: str) -> Expression:
    """What stands before (1) or after (2) the first mark; all of it, or nothing, where there is none."""
    if dialect in {"postgresql", "duckdb"}:
        return sa.func.split_part(text, mark, number, type_=sa.Text())
    found = sa.func.instr(text, mark, type_=sa.Integer())
    if number == 1:
        return sa.case((found > 0, sa.func.substr(text, 1, found - 1, type_=sa.Text())), else_=text)
    return sa.case((found > 0, sa.func.substr(text, found + 1, type_=sa.Text())), else_="")
