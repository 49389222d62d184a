"""Which technique a category gets, unless the data map names another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.base import FieldShape
from pipelines.anonymise import generalise
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.redact import redact
from pipelines.anonymise.replace import replace
from pipelines.anonymise.replacement import Replacement, TechniqueUnfit
from pipelines.anonymise.suppress import suppress
from pipelines.anonymise.unique import unique, unique_address

Options = Mapping[str, str | int | bool]
Technique = Callable[[FieldShape, str | None], Replacement]
"""Answers for a column's shape and the name of the column that holds the row's locale, if there is one."""


def _plain(technique: Callable[[FieldShape], Replacement]) -> Technique:
    return lambda shape, _: technique(shape)


def _drawn(kind: str) -> Technique:
    return lambda shape, locale: replace(shape, kind, locale)


TECHNIQUES: dict[str, Technique] = {
    "suppress": _plain(suppress),
    "redact": _plain(redact),
    "unique": _plain(unique),
    "unique_address": _plain(unique_address),
    "month": _plain(generalise.month),
    "quarter": _plain(generalise.quarter),
    "year": _plain(generalise.year),
    "decade": _plain(generalise.decade),
    "department": _plain(generalise.department),
    "anywhere": _plain(generalise.anywhere),
    "replace_first_name": _drawn("first_name"),
    "replace_last_name": _drawn("last_name"),
    "replace_name": _drawn("name"),
    "replace_company": _drawn("company"),
    "replace_job": _drawn("job"),
    "replace_street": _drawn("street"),
    "replace_city": _drawn("city"),
    "replace_phone": _drawn("phone"),
}
"""Every technique by the name that a data map may give."""

DEFAULTS: dict[str, str] = {
    "user.name.first": "replace_first_name",
    "user.name.last": "replace_last_name",
    "user.name": "replace_name",
    "user.contact.email": "unique_address",
    "user.contact.phone_number": "replace_phone",
    "user.contact.address.postal_code": "department",
    "user.contact.address.city": "anywhere",
    "user.demographic.date_of_birth": "decade",
    "user.content": "redact",
}
"""The technique of a category and its descendants; the longest key that covers it wins, and the rest is suppressed."""


def default_for(category: str) -> str:
    """The name of a category's default technique."""
    parts = category.split(".")
    keys = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((DEFAULTS[key] for key in keys if key in DEFAULTS), "suppress")


def technique_for(
    category: str, shape: FieldShape, override: str | None = None, options: Options | None = None
) -> Replacement:
    """How a column of a category is anonymised: by the data map's technique, else by the category's default.

    A default that does not fit the column falls back to suppression, which is never weaker; an override that does
    not fit is an error. Option ``locale`` names the column that holds the row's locale.

    Raises:
        TechniqueUnfit: the named technique does not fit, or nothing does.
        KeyError: no technique has the given name.
    """
    locale = str(options["locale"]) if options and "locale" in options else None
    if override is not None:
        if override not in TECHNIQUES:
            raise KeyError(f"no technique is called {override}; there are {', '.join(sorted(TECHNIQUES))}")
        return TECHNIQUES[override](shape, locale)
    try:
        return TECHNIQUES[default_for(category)](shape, locale)
    except TechniqueUnfit:
        return suppress(shape)


def suppression(shape: FieldShape) -> Replacement:
    """How a column is emptied whose category is due for deletion in a row that lives on."""
    return redact(shape) if family_of(shape.type) is Family.TEXT and not shape.nullable else suppress(shape)
