"""The forms of `connectors.spelling`, computed by a store's own engine.

For addresses in ASCII every engine computes what Python does, which a test holds equal; SQLite has Python do it. What
engines treat each in its own way (Unicode's cases and compositions, internationalised domains) meets in the loose form,
where it is `ANY`. A text that is no single address (several in one cell, a name with its address) has no form: its
row's subject is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.spelling import ACCENTS, ANY, BLANKS, DOTLESS, LIGATURES, PLUS, SAME_HOUSE

Expression = sa.ColumnElement[Any]

_NEVER_INSIDE = ' ,;<>():"\t\r\n'
_TRANSLATES = frozenset({"postgresql", "duckdb"})


def address(columns: Sequence[Expression], dialect: str) -> Expression:
    """`canonical_email` of a row's columns; NULL unless they hold one single address."""
    text = joined(columns, dialect)
    whens = [(single_address(text, dialect), delivered(text, dialect))]
    if len(columns) == 1 and dialect in _TRANSLATES:
        plain = _exact(columns[0], dialect)
        dotless = sa.or_(*(plain.like(f"%@{domain}") for domain in sorted(DOTLESS)))
        whens.insert(0, (sa.and_(_plain(plain, dialect), sa.not_(dotless)), plain))
    return sa.case(*whens)


def loose_address(columns: Sequence[Expression], dialect: str) -> Expression:
    """`loose_email` of a row's columns; NULL unless they hold one single address."""
    text = joined(columns, dialect)
    whens = [(single_address(text, dialect), loosened(text, dialect))]
    if len(columns) == 1 and dialect in _TRANSLATES:
        plain = _exact(columns[0], dialect)
        local, domain = _part(plain, "@", 1, dialect), _part(plain, "@", 2, dialect)
        elsewhere = sa.and_(plain.not_like("%xn--%"), domain.not_in(sorted(SAME_HOUSE)))
        short = sa.func.replace(local, ".", "", type_=sa.Text()).concat("@").concat(domain)
        whens.insert(0, (sa.and_(_plain(plain, dialect), elsewhere), short))
    return sa.case(*whens)


def _plain(text: Expression, dialect: str) -> Expression:
    """Whether an address is spelled as most are, so that nothing has to be done to it: the fast way for millions."""
    pattern = "^[a-z0-9_-][a-z0-9._-]*@[a-z0-9.-]*[a-z0-9]$"
    if dialect == "duckdb":
        return sa.func.regexp_full_match(text, pattern, type_=sa.Boolean())
    return text.op("~", is_comparison=True)(pattern)


def _exact(column: Expression, dialect: str) -> Expression:
    """A column's text, compared by its bytes."""
    text = sa.cast(column, sa.Text)
    return sa.collate(text, "C") if dialect == "postgresql" else text


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
    """Whether a trimmed text is one address and nothing else; never NULL for a text."""
    if dialect in _TRANSLATES:
        clean = sa.func.translate(text, _NEVER_INSIDE, "", type_=sa.Text()) == text
    elif dialect == "sqlite":
        clean = sa.not_(text.op("GLOB", is_comparison=True)(f"*[{_NEVER_INSIDE}]*"))
    else:
        clean = sa.not_(text.op("REGEXP", is_comparison=True)(f"[{_NEVER_INSIDE}]"))
    return sa.and_(text.like("_%@_%"), text.not_like("%@%@%"), text.not_like("%."), clean)


def lowered(text: Expression, dialect: str) -> Expression:
    """In lower case; ASCII letters alone in PostgreSQL, whose locales differ (in Turkish, I is no i)."""
    return sa.func.lower(sa.collate(text, "C") if dialect == "postgresql" else text, type_=sa.Text())


def delivered(text: Expression, dialect: str) -> Expression:
    """`canonical_email` of a trimmed single address."""
    if dialect == "sqlite":
        return sa.func.ardoise_address(text, type_=sa.Text())
    form = lowered(text, dialect)
    local, domain = _part(form, "@", 1, dialect), _part(form, "@", 2, dialect)
    plain = _part(local, "+", 1, dialect)
    dotless = sa.func.replace(plain, ".", "", type_=sa.Text())
    return sa.case(
        (domain.in_(sorted(DOTLESS)), _or(dotless, local).concat("@").concat(_renamed(domain, DOTLESS))),
        (sa.and_(domain.in_(sorted(PLUS)), plain != ""), plain.concat("@").concat(domain)),
        else_=form,
    )


def loosened(text: Expression, dialect: str) -> Expression:
    """`loose_email` of a trimmed single address."""
    if dialect == "sqlite":
        return sa.func.ardoise_loose_address(text, type_=sa.Text())
    form = lowered(text, dialect)
    local, domain = _part(form, "@", 1, dialect), _part(form, "@", 2, dialect)
    bare = sa.func.replace(_part(local, "+", 1, dialect), ".", "", type_=sa.Text())
    name = sa.case((_international(_part(text, "@", 1, dialect), dialect), ANY), else_=_or(bare, local))
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
