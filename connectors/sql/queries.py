"""SQL that is long enough for a file of its own: queries with names, in parts, beside the modules that ask them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import sqlalchemy as sa

_HEADING = re.compile(r"^-- part: (?P<part>\w+); name: (?P<name>.+)$", re.MULTILINE)


@functools.cache
def queries(file: str, part: str) -> Mapping[str, sa.TextClause]:
    """The queries of a part of a file, by name, in the order in which they stand there."""
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    found = list(_HEADING.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return {
        heading["name"]: sa.text(text[heading.end() : end].strip().removesuffix(";"))
        for heading, end in zip(found, ends, strict=True)
        if heading["part"] == part
    }


def ask(connection: sa.Connection, query: sa.TextClause, **given: Any) -> sa.CursorResult[Any]:
    """Ask a query, with those of the parameters that it names."""
    return connection.execute(query, {name: given[name] for name in query.compile().params})
