"""Whether a text can be an invented name or profession: made of what the pools are drawn from.

Pools are drawn anew for each run, and none is kept; what they are drawn from are Faker's lists, which anybody has.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator

from pipelines.anonymise.pools import LANGUAGES
from pipelines.anonymise.replacement import Draw

_LISTS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "first_name": (("person", ("first_names",)),),
    "last_name": (("person", ("last_names", "prefixes")),),
    "name": (("person", ("first_names", "last_names", "prefixes")),),
    "job": (("job", ("jobs",)),),
}
"""Per kind of pool: Faker's providers, and how the lists are called from which they draw."""


def inventable(draw: Draw, text: str) -> bool | None:
    """Whether a pool can hold a text; None of a kind that is composed, and has no list to be held against.

    Where values are cut to a column's length, the last word may be the beginning of one.
    """
    if draw.kind not in _LISTS:
        return None
    known = _words(draw.kind)
    *words, last = text.split(" ")
    if not all(word in known for word in words):
        return False
    cut = draw.longest is not None and len(text) >= draw.longest - 1  # a blank at the end is cut as well
    return last in known or (cut and any(each.startswith(last) for each in known))


@functools.cache
def _words(kind: str) -> frozenset[str]:
    """Every word of the lists of a kind, in all languages of the pools."""
    return frozenset(word for entry in _entries(kind) for word in entry.replace("\n", " ").split(" "))


def _entries(kind: str) -> Iterator[str]:
    for provider, beginnings in _LISTS[kind]:
        for locale in LANGUAGES.values():
            for source in _providers(provider, locale):
                for name in dir(source):
                    if name.startswith(beginnings):
                        listed = getattr(source, name)
                        if isinstance(listed, (tuple, list, dict, set, frozenset)):
                            yield from map(str, listed)


def _providers(provider: str, locale: str) -> Iterator[type]:
    """The classes that draw for a locale: its own, else the one that Faker falls back to."""
    from faker.config import DEFAULT_LOCALE

    for name in (locale, DEFAULT_LOCALE):
        try:
            found: type = importlib.import_module(f"faker.providers.{provider}.{name}").Provider
        except ModuleNotFoundError:
            continue
        yield from found.__mro__[:-1]
        return
    yield importlib.import_module(f"faker.providers.{provider}").Provider
