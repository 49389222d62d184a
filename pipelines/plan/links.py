"""What links a row to a person, as keyed digests that the store computes itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.digests import DigestKey
from connectors.sql.functions import keyed_digest, lower_trim
from connectors.sql.spelling import Parts, address, folded, joined, loose_address, lowered, single_address, taken_apart
from pipelines.data_map.model import SubjectLink
from pipelines.plan.cells import SIGNS
from pipelines.plan.expressions import extended, layer
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


ONE_ADDRESS = (Key(EMAIL, weak=False), Key(EMAIL, weak=True))
"""The keys of a record that one address links to its subject."""


@dataclass(frozen=True, slots=True)
class LinkForm:
    """One form of one link of a dataset: the digest that it yields and how a match on it counts."""

    key: Key
    columns: tuple[str, ...]
    loose: bool = False

    def form(self, rows: sa.FromClause, dialect: str) -> Expression:
        """What is digested, of rows that are `spelled`; NULL where they name nobody, or hold no single address."""
        if self.key.kind == EMAIL:
            return rows.c[f"{_stem(self.columns)}_{'loose' if self.loose else 'address'}"]
        text = joined([rows.c[name] for name in self.columns], dialect)
        return sa.func.nullif(folded(text, dialect) if self.key.kind == NAME else lower_trim(text), "", type_=sa.Text())

    def missing(self, rows: sa.FromClause, dialect: str) -> Expression:
        """Whether `form` is NULL, without computing it where that can be told from less."""
        if self.key.kind == EMAIL:
            return _no_address(rows, _stem(self.columns), dialect)
        return self.form(rows, dialect).is_(None)

    def digest(self, rows: sa.FromClause, digest_key: DigestKey, scope: str, dialect: str) -> Expression:
        """The subject digest of rows that are `spelled`; NULL where `form` is."""
        prefix = sa.literal(f"{scope}{SEPARATOR}{self.key.kind}{SEPARATOR}", sa.Text)
        return keyed_digest(digest_key, prefix.concat(self.form(rows, dialect)))


def spelled(query: sa.Select[Any], links: Sequence[SubjectLink], dialect: str, *, fenced: bool) -> sa.CTE:
    """A query's rows with the forms of the addresses in the links' columns, for `LinkForm`.

    An address is taken apart step by step, each a layer of its own: within one expression an engine would compute every
    step again at each use of it, for millions of rows.
    """
    stems = {_stem(link.columns): link.columns for link in links if link.kind == EMAIL and link.columns}
    if not stems:
        return layer(query, fenced=fenced)
    source = query.selected_columns
    texts = {f"{stem}_text": joined([source[name] for name in names], dialect) for stem, names in stems.items()}
    rows = layer(query.add_columns(*(text.label(name) for name, text in texts.items())), fenced=fenced)
    first, parts, found = dict[str, Expression](), dict[str, Expression](), dict[str, Expression]()
    for stem in stems:
        first[f"{stem}_form"] = lowered(rows.c[f"{stem}_text"], dialect)
        first[f"{stem}_single"] = single_address(rows.c[f"{stem}_text"], dialect)
    rows = extended(rows, first, fenced=fenced)
    for stem in stems:
        halves = taken_apart(rows.c[f"{stem}_form"], dialect)
        parts |= {f"{stem}_{half}": value for half, value in zip(("local", "domain"), halves, strict=True)}
    rows = extended(rows, parts, fenced=fenced)
    for stem in stems:
        known = Parts(*(rows.c[f"{stem}_{part}"] for part in ("text", "single", "local", "domain")))
        found |= {f"{stem}_address": address(known, dialect), f"{stem}_loose": loose_address(known, dialect)}
    return extended(rows, found, fenced=fenced)


def _stem(columns: Sequence[str]) -> str:
    """A name for these columns together, short enough for every engine."""
    return f"ardoise_{hashlib.sha256('/'.join(columns).encode()).hexdigest()[:8]}"


def _no_address(rows: sa.FromClause, stem: str, dialect: str) -> Expression:
    """Whether the text is no single address; in SQLite the function that takes it apart has the last word."""
    return rows.c[f"{stem}_address"].is_(None) if dialect == "sqlite" else sa.not_(rows.c[f"{stem}_single"])


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


def unread(link: SubjectLink, rows: sa.FromClause, dialect: str) -> Expression:
    """Whether rows that are `spelled` name somebody by what is no single address: several in one cell, a sentence."""
    if link.kind != EMAIL or not link.columns:
        return sa.false()
    stem = _stem(link.columns)
    text = sa.func.lower(rows.c[f"{stem}_text"])
    signs = sa.or_(*(text.contains(sign, autoescape=True) for sign in SIGNS))
    return sa.case((_no_address(rows, stem, dialect), signs), else_=sa.false())
