"""Verdicts on columns: schema gate, name, patterns, then the language models where nothing else has decided.

Two passes: each column by itself, then each column within its table, since a city is personal beside a person and
is not beside a warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.classify import categories as c
from pipelines.classify import names, ner, patterns, places
from pipelines.classify.candidates import LONG, Family, Sample, family_of, sample_of
from pipelines.classify.names import NameEvidence
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Source, Table, Verdict

ENOUGH = 0.5
"""The share of distinct values that must be of a type."""

COMPANY_NUMBERS = frozenset({"FR_SIREN", "FR_SIRET", "FR_VAT"})

DIGITS = frozenset({c.PHONE, c.FAX, c.POSTCODE, c.NATIONAL_ID, c.CARD, c.BANK, c.TAX_ID, c.LOCATION, c.SALARY, c.AGE})
"""Categories whose values may be stored as numbers."""

EXPECTED: dict[str, str] = {
    c.EMAIL: r".*@.*|",
    c.PHONE: r"(?=(.*\d){5}).*",
    c.FAX: r"(?=(.*\d){5}).*",
    c.IP: r"[\da-fA-F:.]{2,45}(/\d+)?",
    c.BIRTH: r".*\d{2,4}.*",
    c.FIRST_NAME: r"[^\d@]*",
    c.LAST_NAME: r"[^\d@]*",
    c.POSTCODE: r"(?=.*\d).{3,12}",
}
"""What at least half of the values must look like for a name to be believed."""


def classify(tables: Sequence[Table]) -> dict[str, tuple[ColumnVerdict, ...]]:
    """The verdicts on every column of the tables of one store, by table."""
    alone = {table.name: tuple(_column(table, column) for column in table.columns) for table in tables}
    persons = {name for name, verdicts in alone.items() if places.describes_persons(name, verdicts)}
    linked = {table.name for table in tables if persons & set(table.references)}
    return {
        table.name: places.settled(
            table, alone[table.name], about_persons=table.name in persons, linked=table.name in linked
        )
        for table in tables
    }


def _column(table: Table, column: Column) -> ColumnVerdict:
    """A column by itself. Weak evidence is left for review; the table's context settles it afterwards."""
    name = names.read(column.name)
    family = family_of(column)
    gated = _gate(table, column, family, name)
    if gated:
        return gated
    sample = sample_of(column.values)
    if sample.dates and name.category != c.BIRTH:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.VALUES, "dates"))
    if family is Family.NUMBER:
        return _numeric(column, name)
    by_pattern = _by_pattern(column, sample, name)
    if by_pattern:
        return by_pattern
    if name.category and not name.weak:
        return _by_name(column, sample, name, name.category)
    if family is Family.JSON or sample.words > LONG or (names.says_text(column.name) and not sample.enumeration):
        return _text(column, sample)
    return _undecided(column, sample, name)


def _gate(table: Table, column: Column, family: Family, name: NameEvidence) -> ColumnVerdict | None:
    """What the schema alone decides."""
    strong = name.category if not name.weak else None
    if family is Family.BOOLEAN:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, "a boolean"))
    if (column.key or column.name in table.linking) and strong not in {c.EMAIL, c.NATIONAL_ID, c.USERNAME}:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, "a key"))
    if family is Family.UUID and strong is None:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, "an opaque id"))
    if family is Family.DATE:
        if strong == c.BIRTH:
            return _verdict(column, Verdict.PERSONAL, c.BIRTH, _name(name))
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, "a date that is no birth date"))
    if family is Family.BINARY:
        category = strong or c.TEXT
        return _verdict(column, Verdict.REVIEW, category, Evidence(Source.SCHEMA, "binary content"), _name(name))
    if family is Family.NETWORK:
        category = c.DEVICE_ID if "mac" in column.type.lower() else c.IP
        return _verdict(column, Verdict.PERSONAL, category, Evidence(Source.SCHEMA, "a network address type"))
    return None


def _numeric(column: Column, name: NameEvidence) -> ColumnVerdict:
    if name.category in DIGITS and not name.weak:
        return _verdict(column, Verdict.PERSONAL, name.category, _name(name))
    if name.category == c.BIRTH:
        return _verdict(column, Verdict.PERSONAL, c.BIRTH, _name(name))
    return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, "a number without a name for it"))


def _by_pattern(column: Column, sample: Sample, name: NameEvidence) -> ColumnVerdict | None:
    """The type that most values are of, unless the name says better what it is."""
    for found in patterns.shares(sample):
        if found.share < ENOUGH:
            break
        evidence = Evidence(Source.PATTERN, found.entity, found.share)
        if found.entity in COMPANY_NUMBERS:
            return _verdict(column, Verdict.NOT_PERSONAL, None, evidence)
        category = c.OF_ENTITY.get(found.entity)
        if category is None:
            continue
        if found.entity == "PHONE_NUMBER":
            if name.category in {c.PHONE, c.FAX}:
                category = name.category
            elif name.veto or name.category:
                continue
        if found.entity in {"STREET_ADDRESS", "POSTCODE_CITY"} and sample.words > LONG:
            continue
        return _verdict(column, Verdict.PERSONAL, category, evidence, _name(name))
    return None


def _by_name(column: Column, sample: Sample, name: NameEvidence, category: str) -> ColumnVerdict:
    """A strong name, believed unless the values contradict it."""
    expected = EXPECTED.get(category)
    if expected and sample.texts and (share := sample.share(expected)) < ENOUGH:
        contrary = Evidence(Source.VALUES, "that do not look like it", 1 - share)
        return _verdict(column, Verdict.REVIEW, category, _name(name), contrary)
    return _verdict(column, Verdict.PERSONAL, category, _name(name))


def _text(column: Column, sample: Sample) -> ColumnVerdict:
    """Free text: personal when spans are found in it; else a person must say, since the next row may hold one."""
    from pipelines.classify.text import spans

    said = Evidence(Source.NAME, f"`{' '.join(words)}`") if (words := names.says_text(column.name)) else None
    looked = sample.texts[:40]
    hits = sum(bool(spans(text)) for text in looked)
    if hits:
        found = Evidence(Source.VALUES, "free text with personal spans", hits / len(looked))
        return _verdict(column, Verdict.PERSONAL, c.TEXT, said, found)
    return _verdict(column, Verdict.REVIEW, c.TEXT, said, Evidence(Source.VALUES, "free text"))


def _undecided(column: Column, sample: Sample, name: NameEvidence) -> ColumnVerdict:
    """No strong name and no pattern: an enumeration, a code, names, places, or a case for a person."""
    if not sample.texts:
        if name.category is None:
            return _verdict(column, Verdict.REVIEW, None, Evidence(Source.VALUES, "none to look at"))
        return _verdict(column, Verdict.REVIEW, name.category, _name(name), Evidence(Source.VALUES, "none to look at"))
    if sample.share(r"[\d\W_]*") > 1 - ENOUGH or sample.share(r"(?=.*\d)[A-Za-z0-9\-_/.:]+") > 1 - ENOUGH:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.VALUES, "codes or numbers"))
    if sample.share(r"[A-Z]{1,4}|[a-z]+(_[a-z]+)+|[a-z]{2}[-_][A-Z]{2}") > 1 - ENOUGH and name.category not in {
        c.REGION,
        c.COUNTRY,
        c.LANGUAGE,
    }:
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.VALUES, "codes"))
    if name.weak and name.category != c.NAME:
        return _verdict(column, Verdict.REVIEW, name.category, _name(name))
    if sample.enumeration or name.veto:
        what = _name(name) if name.veto else Evidence(Source.VALUES, "an enumeration")
        return _verdict(column, Verdict.NOT_PERSONAL, None, what)
    return _by_model(column, sample, name)


def _by_model(column: Column, sample: Sample, name: NameEvidence) -> ColumnVerdict:
    said = ner.shares(sample)
    persons = said.get("PERSON", 0.0)
    evidence = Evidence(Source.LANGUAGE_MODEL, "PERSON", persons)
    if persons >= (0.4 if name.category == c.NAME else 0.6):
        return _verdict(column, Verdict.REVIEW, c.NAME, _name(name), evidence)
    if name.category == c.NAME and persons >= 0.15:  # noqa: PLR2004 - the models miss many French names
        return _verdict(column, Verdict.REVIEW, c.NAME, _name(name), evidence)
    located = said.get("LOCATION", 0.0)
    if located >= 0.6:  # noqa: PLR2004 - a place name is ambiguous; most must be one
        return _verdict(column, Verdict.REVIEW, c.CITY, Evidence(Source.LANGUAGE_MODEL, "LOCATION", located))
    if persons + located < 0.2:  # noqa: PLR2004 - hardly any name among them
        return _verdict(column, Verdict.NOT_PERSONAL, None, Evidence(Source.LANGUAGE_MODEL, "no names", 1 - persons))
    return _verdict(column, Verdict.REVIEW, None, evidence)


def _name(name: NameEvidence) -> Evidence | None:
    return Evidence(Source.NAME, f"`{' '.join(name.tokens)}`") if name.tokens else None


def _verdict(column: Column, verdict: Verdict, category: str | None, *evidence: Evidence | None) -> ColumnVerdict:
    return ColumnVerdict(column.name, verdict, category, tuple(each for each in evidence if each))
