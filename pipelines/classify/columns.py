"""Verdicts on columns: schema gate, values' patterns and vocabularies, name; then what `undecided` makes of the rest.

Two passes: each column by itself, then each column within its table (`places`), since a city is personal beside a
person and is not beside a warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.classify import categories as c
from pipelines.classify import inside, names, patterns, places
from pipelines.classify import vocabularies as v
from pipelines.classify.candidates import Family
from pipelines.classify.case import Case, case_of
from pipelines.classify.special import with_special
from pipelines.classify.undecided import by_length, by_rest, codes
from pipelines.classify.verdict import ColumnVerdict, Evidence, Source, Table

ENOUGH = 0.5
"""The share of distinct values that must be of a type."""

PART = 0.2
"""The share of distinct values from which a type is a part of a mixed column."""

COMPANIES = 0.8
"""The share of companies' names from which a column of names is nobody's."""

COMPANY_NUMBERS = frozenset({"FR_SIREN", "FR_SIRET", "FR_VAT"})

DIGITS = frozenset(
    {
        *(c.PHONE, c.FAX, c.POSTCODE, c.NATIONAL_ID, c.CARD, c.BANK, c.TAX_ID, c.LOCATION, c.SALARY, c.AGE, c.BIRTH),
        *(c.GENDER, c.MARITAL, c.DEMOGRAPHIC, c.JOB, c.HEALTH, c.ETHNICITY, c.RELIGION, c.PASSPORT, c.LICENCE),
    }
)
"""Categories whose values may be stored as numbers."""

WEAK_DIGITS = frozenset({c.SALARY, c.HEALTH, c.LOCATION})
"""Those that a weak name announces too: `sal`, `poids`."""

BINARY = frozenset({c.IMAGE, c.BIOMETRIC, c.PASSWORD, c.CREDENTIALS})
"""Categories whose values may be stored as bytes."""

NUMBERED = frozenset({c.CARD, c.PHONE, c.FAX})
"""Categories of numbers: other numbers are none of them (a library's card, an extension)."""

NAMES = frozenset({c.NAME, c.FIRST_NAME, c.LAST_NAME})

STREETS = frozenset({c.STREET, c.ADDRESS, c.CITY})

EXPECTED: dict[str, str] = {
    c.EMAIL: r".*@.*|",
    c.PHONE: r"(?=(.*\d){6}).*",
    c.FAX: r"(?=(.*\d){6}).*",
    c.IP: r"[\da-fA-F:.]{2,45}(/\d+)?",
    c.BIRTH: r".*\d{2,4}.*",
    c.FIRST_NAME: r"[^\d@]*",
    c.LAST_NAME: r"[^\d@]*",
    c.NAME: r"(?=.*[^\W\d_]{2})[^@\d]*",
    c.POSTCODE: r"(?=.*\d).{3,12}",
    c.CITY: r"(?=.*[^\W\d_]{2}).*|\d[\dAB]\d{3}",
    c.LOCATION: r".*\d.*",
    c.CARD: r"(\D*\d){12,19}|.*[xX*•]{2,}.*|\d{2,4}|\d{1,4}\s?[-/ ]\s?\d{1,4}(-\d\d)?|[^\d]*",
}
"""What at least half of the values must look like for a name to be believed."""


def classify(tables: Sequence[Table]) -> dict[str, tuple[ColumnVerdict, ...]]:
    """The verdicts on every column of the tables of one store, by table."""
    alone = {table.name: _columns(table) for table in tables}
    about = {table.name: places.about(table, alone[table.name]) for table in tables}
    persons = {name for name, each in about.items() if each.persons}
    settled = {
        table.name: places.settled(alone[table.name], places.linked(table, about[table.name], persons))
        for table in tables
    }
    return {table.name: with_special(table.columns, settled[table.name]) for table in tables}


def _columns(table: Table) -> tuple[ColumnVerdict, ...]:
    """Each column of a table by itself."""
    common = names.common_words([column.name for column in table.columns])
    elsewhere = names.read_table(table.name, common).elsewhere
    return tuple(
        _verdict(case_of(column, common, linking=column.key or column.name in table.linking, elsewhere=elsewhere))
        for column in table.columns
    )


def _verdict(case: Case) -> ColumnVerdict:
    """A column by itself. Weak evidence is left for review; the table's context settles it afterwards."""
    judges = (_by_schema, _by_paths, _by_type, _by_pattern, _by_key, _by_vocabulary, _by_name, by_length)
    judged = (judge(case) for judge in judges)
    return next((verdict for verdict in judged if verdict), None) or by_rest(case)


def _by_schema(case: Case) -> ColumnVerdict | None:
    """Keys, flags and numbers: nothing that Presidio should ever see."""
    if case.family is Family.BOOLEAN:
        return case.schema("a boolean")
    if case.linking and case.family in {Family.NUMBER, Family.UUID} and case.strong != c.NATIONAL_ID:
        return case.schema("a key")
    if case.family is Family.UUID and case.strong not in {c.DEVICE_ID, c.COOKIE, c.CREDENTIALS}:
        return case.schema("an opaque id")
    if case.family is Family.NUMBER and case.strong not in DIGITS and case.name.category not in WEAK_DIGITS:
        return case.schema("a number without a name for it")
    return None


def _by_paths(case: Case) -> ColumnVerdict | None:
    """A column of JSON objects: each path is judged as a column of its own."""
    if case.family not in {Family.JSON, Family.TEXT}:
        return None
    paths = inside.paths(case.column)
    if not paths:
        return None
    table = Table(case.column.name, tuple(path.column for path in paths))
    alone = _columns(table)
    settled = with_special(table.columns, places.settled(alone, places.about(table, alone)))
    return inside.together(case, [replace(each, column=path.label) for each, path in zip(settled, paths, strict=True)])


def _by_type(case: Case) -> ColumnVerdict | None:
    """Types that say what they hold."""
    if case.family is Family.DATE or case.sample.dates:
        category = case.name.category
        dated = category == c.BIRTH or (category == c.DEMOGRAPHIC and not case.name.weak)
        return (
            case.personal(category, case.named) if category and dated else case.schema("a date that is no birth date")
        )
    if case.family is Family.BINARY:
        evidence = Evidence(Source.SCHEMA, "binary content")
        if case.strong in BINARY:
            return case.personal(case.strong, evidence, case.named)
        return case.review(case.name.category or c.TEXT, evidence, case.named)
    if case.family is Family.PLACE:  # whose, the table says
        evidence = Evidence(Source.SCHEMA, "a place on a map")
        said = case.personal if case.strong == c.LOCATION else case.review
        return said(c.LOCATION, evidence, case.named)
    if case.family is Family.NETWORK:
        category = c.DEVICE_ID if "mac" in case.column.type.lower() else c.IP
        return case.personal(category, Evidence(Source.SCHEMA, "a network address type"))
    return None


def _by_pattern(case: Case) -> ColumnVerdict | None:
    """The type that most values are of, unless the name says better what it is."""
    if case.family is Family.NUMBER:
        return None
    found = patterns.shares(case.sample)
    mixed = _mixed(case, found)
    if mixed:
        return mixed
    for each in found:
        if each.share < ENOUGH:
            break
        evidence = Evidence(Source.PATTERN, each.entity, each.share)
        if each.entity in COMPANY_NUMBERS:
            return case.plain(evidence)
        category = _category_of(each.entity, case)
        if category and each.entity == "PHONE_NUMBER" and category != case.name.category and _bare(case):
            return case.review(category, evidence)
        if category:
            return case.personal(category, evidence, _of_functions(each.entity, case), case.named)
    return None


def _of_functions(entity: str, case: Case) -> Evidence | None:
    """How many of the addresses are a function's: of a company's addresses, these are nobody's."""
    share = v.shared_addresses(case.sample) if entity == "EMAIL_ADDRESS" else 0.0
    return Evidence(Source.VOCABULARY, "addresses of a function", share) if share >= ENOUGH else None


def _mixed(case: Case, found: Sequence[patterns.PatternShare]) -> ColumnVerdict | None:
    """Several types that together make most of the column: addresses here, phone numbers there."""
    kinds = [each for each in found if each.entity in c.OF_ENTITY and each.share >= PART]
    if case.strong or len(kinds) < 2 or sum(each.share for each in kinds) < ENOUGH:  # noqa: PLR2004
        return None
    evidence = (Evidence(Source.PATTERN, each.entity, each.share) for each in kinds)
    return case.personal(c.shared(c.OF_ENTITY[each.entity] for each in kinds), *evidence, case.named)


def _bare(case: Case) -> bool:
    """Whether most values are runs of digits alone: a phone number, or a number of something."""
    return case.sample.share(r"\d+") > ENOUGH


def _category_of(entity: str, case: Case) -> str | None:
    """The category of a pattern; None where the name contradicts it or the values are whole texts."""
    category = c.OF_ENTITY.get(entity)
    match entity:
        case "PHONE_NUMBER" if case.name.category in {c.PHONE, c.FAX}:
            return case.name.category
        case "STREET_ADDRESS" | "POSTCODE_CITY" if case.strong in STREETS and not case.sample.long:
            return case.strong
    contradicted = {
        "PHONE_NUMBER": case.name.veto or (case.strong not in NAMES and case.strong),  # no name is a phone number
        "IP_ADDRESS": case.name.veto,
        "FR_PLATE": case.strong != category,
        "STREET_ADDRESS": case.sample.long,
        "POSTCODE_CITY": case.sample.long,
    }
    return None if contradicted.get(entity) else category


def _by_key(case: Case) -> ColumnVerdict | None:
    """A key that is no number: its values have been looked at, and only a name that says much makes it personal."""
    if not case.linking or case.strong in {c.EMAIL, c.NATIONAL_ID, c.USERNAME, c.POSTCODE, c.PHONE}:
        return None
    return case.schema("a key")


_LISTED = (("marital", c.MARITAL), ("blood", c.HEALTH), ("religion", c.RELIGION), ("nationality", c.DEMOGRAPHIC))


def _by_vocabulary(case: Case) -> ColumnVerdict | None:
    """Values from a short list that tells what it is: the table says whether it is about persons."""
    if case.strong or case.name.category == c.LANGUAGE or not case.sample.texts:
        return None
    if v.gendered(case.sample):
        said = Evidence(Source.VOCABULARY, "genders or forms of address", v.share_of(case.sample, "gender"))
        return case.review(c.GENDER, said, case.named)
    for name, category in _LISTED:
        share = v.share_of(case.sample, name)
        if share >= v.ENOUGH and case.sample.distinct > 1:
            return case.review(category, Evidence(Source.VOCABULARY, name, share), case.named)
    return None


def _by_name(case: Case) -> ColumnVerdict | None:
    """A strong name, believed unless the values contradict it."""
    category, sample = case.strong, case.sample
    if case.family is Family.NUMBER and category is None:
        return case.review(case.name.category, Evidence(Source.SCHEMA, "a number"), case.named)
    if category is None:
        return None
    expected = EXPECTED.get(category)
    if expected and sample.texts and (share := sample.share(expected)) < ENOUGH:
        contrary = Evidence(Source.VALUES, "that do not look like it", 1 - share)
        flags = sample.enumeration or (v.share_of(sample, "status") >= v.ENOUGH and sample.filled > FEW)
        flags = flags or (category in NUMBERED and codes(sample))
        return case.plain(case.named, contrary) if flags else case.review(category, case.named, contrary)
    if category in NAMES and (share := v.companies(sample)) >= COMPANIES:
        return case.review(c.WORKPLACE, Evidence(Source.VOCABULARY, "names of companies", share), case.named)
    return case.personal(category, case.named)


FEW = 20
"""Values below which yes and no are no proof of a flag."""
