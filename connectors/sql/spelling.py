"""The forms of `connectors.spelling`, computed by a store's own engine.

For addresses in ASCII every engine computes what Python does, which a test holds equal; SQLite has Python do it. What
engines treat each in its own way (Unicode's cases and compositions, internationalised domains) meets in the loose form,
where it is `ANY`. A text that is no single address (several in one cell, a name with its address) has no form: its
row's subject is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.spelling import ACCENTS, ANY, BLANKS, DOTLESS, LIGATURES, PLUS, SAME_HOUSE

Expression = sa.ColumnElement[Any]

_NEVER_INSIDE = '][\\ ,;<>(){}:"/|*?=\t\r\n\u00ab\u00bb\u2018\u2019\u201c\u201d\u2022\u2026'
"""Whatever holds one of these is more than one plain address. The bracket comes first, as GLOB wants it."""
_SOME_INSIDE = "[" + re.sub(r"([]\[\\])", r"\\\1", _NEVER_INSIDE) + "]"
_TRANSLATES = frozenset({"postgresql", "duckdb"})


@dataclass(frozen=True, slots=True)
class Parts:
    """A trimmed text, whether it is a `single_address`, and its halves: each computed in a layer before its use.

    The halves are those of `taken_apart`; in SQLite they are of no use.
    """

    text: Expression
    single: Expression
    local: Expression
    domain: Expression


def taken_apart(form: Expression, dialect: str) -> tuple[Expression, Expression]:
    """What stands before and after the first @ of a `lowered` text."""
    if dialect == "sqlite":  # where Python takes it apart
        return sa.null(), sa.null()
    return _part(form, "@", 1, dialect), _part(form, "@", 2, dialect)


def address(parts: Parts, dialect: str) -> Expression:
    """`canonical_email` of a trimmed text; NULL unless it is one single address."""
    return sa.case((parts.single, _delivered(parts, dialect)))


def loose_address(parts: Parts, dialect: str) -> Expression:
    """`loose_email` of a trimmed text; NULL unless it is one single address."""
    return sa.case((parts.single, _loosened(parts, dialect)))


def joined(columns: Sequence[Expression], dialect: str) -> Expression:
    """The texts of these columns with a space between them, without blanks around; empty for NULL."""
    parts = [trimmed(sa.func.coalesce(sa.cast(each, sa.Text), ""), dialect) for each in columns]
    whole: Expression = parts[0]
    for part in parts[1:]:
        whole = trimmed(whole.concat(" ").concat(part), dialect)
    return whole


def trimmed(text: Expression, dialect: str) -> Expression:
    """A text without `BLANKS` around it."""
    if dialect in {"mysql", "mariadb"}:
        edge = f"[{BLANKS}]+"
        return sa.func.regexp_replace(text, f"^{edge}|{edge}$", "", type_=sa.Text())
    if dialect == "postgresql":
        return sa.func.btrim(text, BLANKS, type_=sa.Text())
    return sa.func.trim(text, BLANKS, type_=sa.Text())


def single_address(text: Expression, dialect: str) -> Expression:
    """Whether a trimmed text is one address of the internet and nothing else; never NULL for a text."""
    if dialect == "duckdb":
        clean = sa.not_(sa.func.regexp_matches(text, _SOME_INSIDE, type_=sa.Boolean()))
    elif dialect == "postgresql":
        clean = text.op("!~", is_comparison=True)(_SOME_INSIDE)
    elif dialect == "sqlite":
        clean = sa.not_(text.op("GLOB", is_comparison=True)(f"*[{_NEVER_INSIDE}]*"))
    else:
        clean = sa.not_(text.op("REGEXP", is_comparison=True)(_SOME_INSIDE))
    quoted = sa.or_(text.like("'%"), text.like("%@%'%"))
    return sa.and_(text.like("_%@_%.__%"), text.not_like("%@%@%"), text.not_like("%."), sa.not_(quoted), clean)


def lowered(text: Expression, dialect: str) -> Expression:
    """In lower case; ASCII letters alone in PostgreSQL, whose locales differ (in Turkish, I is no i)."""
    return sa.func.lower(sa.collate(text, "C") if dialect == "postgresql" else text, type_=sa.Text())


def _delivered(parts: Parts, dialect: str) -> Expression:
    if dialect == "sqlite":
        return sa.func.ardoise_address(parts.text, type_=sa.Text())
    local, domain = parts.local, parts.domain
    plain = _part(local, "+", 1, dialect)
    dotless = sa.func.replace(plain, ".", "", type_=sa.Text())
    return sa.case(
        (domain.in_(sorted(DOTLESS)), _or(dotless, local).concat("@").concat(_renamed(domain, DOTLESS))),
        (sa.and_(domain.in_(sorted(PLUS)), plain != ""), plain.concat("@").concat(domain)),
        else_=local.concat("@").concat(domain),
    )


def _loosened(parts: Parts, dialect: str) -> Expression:
    if dialect == "sqlite":
        return sa.func.ardoise_loose_address(parts.text, type_=sa.Text())
    local, domain = parts.local, parts.domain
    bare = sa.func.replace(_part(local, "+", 1, dialect), ".", "", type_=sa.Text())
    name = sa.case((_international(_part(parts.text, "@", 1, dialect), dialect), ANY), else_=_or(bare, local))
    foreign = sa.or_(domain.like("xn--%"), domain.like("%.xn--%"), _international(domain, dialect))
    return name.concat("@").concat(sa.case((foreign, ANY), else_=_renamed(domain, SAME_HOUSE)))


def folded(text: Expression, dialect: str) -> Expression:
    """`folded` of a trimmed text."""
    if dialect == "sqlite":
        return sa.func.ardoise_folded(text, type_=sa.Text())
    for ligature, letters in LIGATURES.items():
        text = sa.func.replace(text, ligature, letters, type_=sa.Text())
    theirs, ours = "".join(map(chr, ACCENTS)), "".join(map(chr, ACCENTS.values()))
    if dialect in _TRANSLATES:
        text = sa.func.translate(text, theirs, ours, type_=sa.Text())
    else:
        for accented, letter in zip(theirs, ours, strict=True):
            text = sa.func.replace(text, accented, letter, type_=sa.Text())
    return lowered(text, dialect)


def _or(text: Expression, otherwise: Expression) -> Expression:
    return sa.case((text == "", otherwise), else_=text)


def _renamed(domain: Expression, names: dict[str, str]) -> Expression:
    renamed = [(domain == old, new) for old, new in sorted(names.items()) if old != new]
    return sa.case(*renamed, else_=domain)


def _international(text: Expression, dialect: str) -> Expression:
    """Whether a text holds more than ASCII: it has more bytes than letters."""
    if dialect == "duckdb":
        return sa.func.strlen(text) != sa.func.length(text)
    return sa.func.octet_length(text) != sa.func.char_length(text)


def _part(text: Expression, mark: str, number: int, dialect: str) -> Expression:
    """What stands before (1) or after (2) the first mark; all of it where there is none before which to stand."""
    if dialect in _TRANSLATES:
        return sa.func.split_part(text, mark, number, type_=sa.Text())
    return sa.func.substring_index(text, mark, 1 if number == 1 else -1, type_=sa.Text())
