"""Which technique a category gets, unless the data map names another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.base import FieldShape
from pipelines.anonymise import generalise
from pipelines.anonymise.attachments import DROP_ATTACHMENTS, no_column
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.new_key import NEW_KEY, new_key
from pipelines.anonymise.redact import redact
from pipelines.anonymise.regions import region
from pipelines.anonymise.replace import iban, replace
from pipelines.anonymise.replacement import Replacement, TechniqueUnfit
from pipelines.anonymise.rounding import WIDTH, age_band, rounded, top_code
from pipelines.anonymise.suppress import suppress
from pipelines.anonymise.unique import unique, unique_address

Options = Mapping[str, str | int | bool]
"""What a data map says beside a technique's name."""


LOCALE = "locale"
"""The option that names the column with a row's locale."""


@dataclass(frozen=True, slots=True)
class Technique:
    """One way to anonymise a column.

    ``does`` says it in a line, for documentation. ``options`` are those that it takes, with their types; ``needed``
    those of them that it cannot do without. ``of_items``: it is for parts of messages, not for columns.
    """

    make: Callable[[FieldShape, Options], Replacement]
    does: str
    options: Mapping[str, type] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    of_items: bool = False

    def __call__(self, shape: FieldShape, options: Options | None = None) -> Replacement:
        """How a column of this shape is overwritten.

        Raises:
            TechniqueUnfit: it is not fit for the column, or an option that it needs is missing.
        """
        given = options or {}
        missing = [name for name in self.needed if name not in given]
        if missing:
            raise TechniqueUnfit("", shape, f"it needs the option `{missing[0]}`")
        return self.make(shape, given)


def _plain(make: Callable[[FieldShape], Replacement], does: str) -> Technique:
    return Technique(lambda shape, _: make(shape), does)


def _drawn(kind: str, what: str) -> Technique:
    def make(shape: FieldShape, options: Options) -> Replacement:
        return replace(shape, kind, str(options[LOCALE]) if LOCALE in options else None)

    return Technique(make, f"{what}, in the language of the column that option `locale` names", {LOCALE: str})


def _number(kind: str, what: str) -> Technique:
    return _plain(functools.partial(replace, kind=kind), f"{what} that belongs to nobody")


TECHNIQUES: dict[str, Technique] = {
    "suppress": _plain(suppress, "NULL, or an empty value of the type where NULL is refused"),
    "redact": _plain(redact, "NULL, or `[redacted]` where NULL is refused"),
    "unique": _plain(unique, "random hexadecimal digits, a random UUID or a random negative number"),
    NEW_KEY: _plain(new_key, "a random key for one that people know; whatever points at it in the store follows"),
    "unique_address": _plain(unique_address, "an e-mail address under `.invalid`, no two alike"),
    "month": _plain(generalise.month, "a date becomes the first day of its month"),
    "quarter": _plain(generalise.quarter, "a date becomes the first day of its quarter"),
    "year": _plain(generalise.year, "a date becomes the first day of its year"),
    "decade": _plain(generalise.decade, "a date becomes the first day of its decade"),
    "department": _plain(generalise.department, "a French postcode becomes its département"),
    "region": _plain(region, "a French postcode becomes its région"),
    "anywhere": _plain(generalise.anywhere, "a place becomes `*`"),
    "rounded": Technique(
        lambda shape, options: rounded(shape, int(options["step"])),
        "a number becomes the multiple of option `step` below it (1, 2 or 5 with zeros)",
        {"step": int},
        ("step",),
    ),
    "top_code": Technique(
        lambda shape, options: top_code(shape, int(options["at_most"])),
        "a number above option `at_most` becomes that bound",
        {"at_most": int},
        ("at_most",),
    ),
    "age_band": Technique(
        lambda shape, options: age_band(shape, int(options.get("width", WIDTH))),
        "an age becomes the first of its band of ten years (option `width`), 90 for everybody older",
        {"width": int},
    ),
    "replace_first_name": _drawn("first_name", "an invented first name"),
    "replace_last_name": _drawn("last_name", "an invented last name"),
    "replace_name": _drawn("name", "an invented first and last name"),
    "replace_company": _drawn("company", "an invented company"),
    "replace_job": _drawn("job", "an invented profession"),
    "replace_street": _drawn("street", "an invented number and street"),
    "replace_city": _drawn("city", "a town drawn at random"),
    "replace_phone": _drawn("phone", "a telephone number that belongs to nobody"),
    "replace_iban": _plain(iban, "a random IBAN that belongs to nobody"),
    "replace_card": _number("card", "a card number"),
    "replace_siren": _number("siren", "a SIREN"),
    "replace_siret": _number("siret", "a SIRET"),
    "replace_nir": _number("nir", "a French social security number"),
    "replace_vat": _number("vat", "a French VAT number"),
    DROP_ATTACHMENTS: Technique(
        no_column, "of a message that names somebody whose data are due, every attachment goes", of_items=True
    ),
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
    not fit is an error.

    Raises:
        TechniqueUnfit: the named technique does not fit, or nothing does.
        KeyError: no technique has the given name.
    """
    if override is not None:
        if override not in TECHNIQUES:
            raise KeyError(f"no technique is called {override}; there are {', '.join(sorted(TECHNIQUES))}")
        return TECHNIQUES[override](shape, options)
    try:
        return TECHNIQUES[default_for(category)](shape, options)
    except TechniqueUnfit:
        return suppress(shape)


def fits(shape: FieldShape) -> bool:
    """Whether there is a technique that fits a column of this shape."""
    try:
        suppress(shape)
    except TechniqueUnfit:
        return False
    return True


def suppression(shape: FieldShape) -> Replacement:
    """How a column is emptied whose category is due for deletion in a row that lives on."""
    return redact(shape) if family_of(shape.type) is Family.TEXT and not shape.nullable else suppress(shape)
