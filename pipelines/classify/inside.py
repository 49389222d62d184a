"""JSON columns: the paths of their objects, each as a column of its own, and one verdict for all of them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.classify import categories as c
from pipelines.classify import names
from pipelines.classify import vocabularies as v
from pipelines.classify.case import Case
from pipelines.classify.lexicon import lexicon
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Source, Verdict

MOSTLY = 0.8
"""The share of values that must be JSON objects or lists."""

MOST_PATHS = 200
"""Paths of one column that are looked at; documents with keys of data (an id as key) have no end of them."""

MOST_KEYS = 50
"""Keys of one object, over all documents, from which they are data themselves, and are shown as `*`."""

_DATA = re.compile(r".*(@|\d{4}|\s).*|.{41,}|\d+", re.DOTALL)
"""Keys that may be somebody's data: an address, a number, words."""

_SOMEBODY = re.compile(r"\S+@\S+\.\S+|\+?(?:\d[ .\-]?){9,15}")
"""Keys that may be somebody's address or number: they are judged as values are."""

KEYS = "(keys)"
"""What stands in a path for the keys of an object."""

NAMED = 3
"""Keys with a first name in them from which, where they are half of an object's, all of its keys are data."""

DEEPEST = 8
"""Levels below which values are taken as texts."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path, as `client.emails[]`, and its values as a column named by its last two keys."""

    label: str
    column: Column


def paths(column: Column) -> tuple[Path, ...]:
    """The paths of a column of JSON objects; none where the values are anything else."""
    filled = [value for value in column.values if value is not None and value != ""]
    documents = [document for document in map(_document, filled) if document is not None]
    if not documents or len(documents) < MOSTLY * len(filled):
        return ()
    values: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    leaves = [leaf for document in documents for leaf in _leaves(document, ())]
    keys_of = _keys_of(keys for keys, _ in leaves)
    named = {parent for parent, keys in keys_of.items() if _called_by_names(keys)}
    many = named | {parent for parent, keys in keys_of.items() if len(keys) > MOST_KEYS}
    said = [each for document in documents for each in _somebodys(document, ())]
    said += [
        ((*parent, KEYS), " ".join(names.tokens(key)).title()) for parent in sorted(named) for key in keys_of[parent]
    ]
    for whole, value in (*said, *leaves):
        keys = tuple("*" if key != KEYS and whole[:place] in many else key for place, key in enumerate(whole))
        if keys in values or len(values) < MOST_PATHS:
            values[keys].append(value)
    return tuple(
        Path(".".join(keys).replace(".[]", "[]"), Column(_name(column, keys), "", found, len(documents)))
        for keys, found in values.items()
    )


def together(case: Case, found: Sequence[ColumnVerdict]) -> ColumnVerdict:
    """One verdict for the column: personal if a path is, of the category that its personal paths share."""
    personal = [each for each in found if each.personal]
    open_ = [each for each in found if each.verdict is Verdict.REVIEW]
    said = Evidence(Source.SCHEMA, f"JSON with {len(found)} paths")
    deciding = personal or open_
    if not deciding:
        return ColumnVerdict(case.column.name, Verdict.NOT_PERSONAL, None, (said,), tuple(found))
    categories = [each.category for each in deciding if each.category]
    category = c.shared(categories) if categories else c.TEXT
    which = ", ".join(f"`{each.column}`" for each in deciding[:4]) + (", …" if len(deciding) > 4 else "")  # noqa: PLR2004
    evidence = (said, Evidence(Source.PATHS, which))
    return ColumnVerdict(case.column.name, deciding[0].verdict, category, evidence, tuple(found))


def _document(value: Any) -> Any:
    """An object, or a list with objects in it, from what a driver gives or from its text; None for anything else."""
    if isinstance(value, str):
        if value.lstrip()[:1] not in {"{", "["}:
            return None
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, (dict, list)) else None


def _leaves(document: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(document, dict) and len(keys) < DEEPEST:
        for key, value in document.items():
            yield from _leaves(value, (*keys, "*" if _DATA.fullmatch(str(key)) else str(key)))
    elif isinstance(document, list) and len(keys) < DEEPEST:
        for value in document:
            yield from _leaves(value, (*keys, "[]"))
    else:
        yield keys, json.dumps(document) if isinstance(document, (dict, list)) else document


def _somebodys(document: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The keys of objects that may be somebody's address or number, each under the path of its object."""
    if len(keys) >= DEEPEST:
        return
    if isinstance(document, list):
        for value in document:
            yield from _somebodys(value, (*keys, "[]"))
    if isinstance(document, dict):
        for key, value in document.items():
            if _SOMEBODY.fullmatch(str(key)):
                yield (*keys, KEYS), str(key)
            yield from _somebodys(value, (*keys, "*" if _DATA.fullmatch(str(key)) else str(key)))


def _keys_of(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], set[str]]:
    """The keys of the objects at each path, over all documents."""
    keys: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path in paths:
        for place, key in enumerate(path):
            keys[path[:place]].add(key)
    return keys


def _called_by_names(keys: Iterable[str]) -> bool:
    """Whether the keys are persons' names: they would be shown otherwise."""
    said = [bool((set(names.tokens(key)) - lexicon().known) & v.first_names()) for key in keys]
    return sum(said) >= max(NAMED, len(said) / 2)


def _name(column: Column, keys: tuple[str, ...]) -> str:
    """What the path is called: its last two keys; a bare list has the column's own name."""
    return "_".join([key for key in keys if key not in {"[]", "*", KEYS}][-2:]) or column.name
