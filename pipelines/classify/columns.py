"""Verdicts on columns: schema gate, name, patterns, then the language models where nothing else has decided.

Two passes: each column by itself, then each column within its table, since a city is personal beside a person and
is not beside a warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.classify import categories as c
from pipelines.classify import names, ner, patterns, places
from pipelines.classify.candidates import LONG, Family, Sample, family_of, sample_of
from pipelines.classify.names import NameEvidence
from pipelines.classify.text import spans
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Source, Table, Verdict

ENOUGH = 0.5
"""The share of distinct values that must be of a type."""

MOST = 0.6
"""The share of values in which a language model must see a name when the column's name says nothing."""

A_FEW = 0.15
"""The share below which there are hardly any names among the values. The small models miss many French names."""

TEXTS = 40
"""Free texts of a column that are searched for spans."""

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


@dataclass(frozen=True, slots=True)
class _Case:
    """A column with what can be said of it at sight."""

    column: Column
    family: Family
    name: NameEvidence
    sample: Sample
    linking: bool

    @property
    def strong(self) -> str | None:
        """The category that the name alone speaks for."""
        return None if self.name.weak else self.name.category

    def is_(self, verdict: Verdict, category: str | None, *evidence: Evidence | None) -> ColumnVerdict:
        return ColumnVerdict(self.column.name, verdict, category, tuple(each for each in evidence if each))

    def schema(self, says: str) -> ColumnVerdict:
        """Not personal, by the schema alone."""
        return self.is_(Verdict.NOT_PERSONAL, None, Evidence(Source.SCHEMA, says))


def _column(table: Table, column: Column) -> ColumnVerdict:
    """A column by itself. Weak evidence is left for review; the table's context settles it afterwards."""
    family = family_of(column)
    linking = column.key or column.name in table.linking
    case = _Case(column, family, names.read(column.name), sample_of(column.values), linking)
    judged = (judge(case) for judge in (_by_schema, _by_type, _by_pattern, _by_name, _by_length))
    return next((verdict for verdict in judged if verdict), None) or _by_rest(case)


def _by_schema(case: _Case) -> ColumnVerdict | None:
    """Keys, flags and numbers: nothing that Presidio should ever see."""
    if case.family is Family.BOOLEAN:
        return case.schema("a boolean")
    if case.linking and case.strong not in {c.EMAIL, c.NATIONAL_ID, c.USERNAME}:
        return case.schema("a key")
    if case.family is Family.UUID and case.strong is None:
        return case.schema("an opaque id")
    if case.family is Family.NUMBER and case.strong not in DIGITS | {c.BIRTH}:
        return case.schema("a number without a name for it")
    return None


def _by_type(case: _Case) -> ColumnVerdict | None:
    """Types that say what they hold."""
    dated = case.family is Family.DATE or case.sample.dates
    if dated and case.name.category == c.BIRTH:
        return case.is_(Verdict.PERSONAL, c.BIRTH, _name(case.name))
    if dated:
        return case.schema("a date that is no birth date")
    if case.family is Family.BINARY:
        evidence = Evidence(Source.SCHEMA, "binary content")
        return case.is_(Verdict.REVIEW, case.strong or c.TEXT, evidence, _name(case.name))
    if case.family is Family.NETWORK:
        category = c.DEVICE_ID if "mac" in case.column.type.lower() else c.IP
        return case.is_(Verdict.PERSONAL, category, Evidence(Source.SCHEMA, "a network address type"))
    if case.family is Family.NUMBER:
        return case.is_(Verdict.PERSONAL, case.name.category, _name(case.name))
    return None


def _by_pattern(case: _Case) -> ColumnVerdict | None:
    """The type that most values are of, unless the name says better what it is."""
    for found in patterns.shares(case.sample):
        if found.share < ENOUGH:
            break
        evidence = Evidence(Source.PATTERN, found.entity, found.share)
        if found.entity in COMPANY_NUMBERS:
            return case.is_(Verdict.NOT_PERSONAL, None, evidence)
        category = _category_of(found.entity, case)
        if category:
            return case.is_(Verdict.PERSONAL, category, evidence, _name(case.name))
    return None


def _category_of(entity: str, case: _Case) -> str | None:
    """The category of a pattern; None where the name contradicts it or the values are whole texts."""
    category = c.OF_ENTITY.get(entity)
    if entity == "PHONE_NUMBER":
        if case.name.category in {c.PHONE, c.FAX}:
            return case.name.category
        return None if case.name.veto or case.name.category else category
    if entity in {"STREET_ADDRESS", "POSTCODE_CITY"} and case.sample.words > LONG:
        return None
    return category


def _by_name(case: _Case) -> ColumnVerdict | None:
    """A strong name, believed unless the values contradict it."""
    category, texts = case.strong, case.sample.texts
    if category is None:
        return None
    expected = EXPECTED.get(category)
    if expected and texts and (share := case.sample.share(expected)) < ENOUGH:
        contrary = Evidence(Source.VALUES, "that do not look like it", 1 - share)
        return case.is_(Verdict.REVIEW, category, _name(case.name), contrary)
    return case.is_(Verdict.PERSONAL, category, _name(case.name))


def _by_length(case: _Case) -> ColumnVerdict | None:
    """Free text: personal when spans are found in it; else a person must say, since the next row may hold one."""
    announced = names.says_text(case.column.name)
    long = case.family is Family.JSON or case.sample.words > LONG
    if not long and (not announced or case.sample.enumeration):
        return None
    said = Evidence(Source.NAME, f"`{' '.join(announced)}`") if announced else None
    looked = case.sample.texts[:TEXTS]
    hits = sum(bool(spans(text)) for text in looked)
    if hits:
        found = Evidence(Source.VALUES, "free text with personal spans", hits / len(looked))
        return case.is_(Verdict.PERSONAL, c.TEXT, said, found)
    return case.is_(Verdict.REVIEW, c.TEXT, said, Evidence(Source.VALUES, "free text"))


def _by_rest(case: _Case) -> ColumnVerdict:
    """No strong name and no pattern: a code, an enumeration, names, places, or a case for a person."""
    name, sample = case.name, case.sample
    if not sample.texts:
        return case.is_(Verdict.REVIEW, name.category, _name(name), Evidence(Source.VALUES, "none to look at"))
    if _codes(case):
        return case.is_(Verdict.NOT_PERSONAL, None, Evidence(Source.VALUES, "codes or numbers"))
    if name.weak and name.category != c.NAME:
        return case.is_(Verdict.REVIEW, name.category, _name(name))
    if name.veto:
        return case.is_(Verdict.NOT_PERSONAL, None, _name(name))
    if sample.enumeration:  # of names: one family, one seller; the table has to say
        evidence = Evidence(Source.VALUES, "an enumeration")
        names_few = name.category == c.NAME
        verdict = Verdict.REVIEW if names_few else Verdict.NOT_PERSONAL
        return case.is_(verdict, name.category if names_few else None, _name(name), evidence)
    return _by_model(case)


def _codes(case: _Case) -> bool:
    """Whether the values are numbers or codes: letters with digits, few capitals, words joined by underscores."""
    sample = case.sample
    if sample.share(r"[\d\W_]*") > ENOUGH or sample.share(r"(?=.*\d)[A-Za-z0-9\-_/.:]+") > ENOUGH:
        return True
    short = sample.share(r"[A-Z]{1,4}|[a-z]+(_[a-z]+)+|[a-z]{2}[-_][A-Z]{2}") > ENOUGH
    return short and case.name.category not in {c.REGION, c.COUNTRY, c.LANGUAGE}


def _by_model(case: _Case) -> ColumnVerdict:
    """What the language models make of the values; never more than a case for review by itself."""
    named = case.name.category == c.NAME
    said = ner.shares(case.sample)
    persons, located = said.get("PERSON", 0.0), said.get("LOCATION", 0.0)
    evidence = Evidence(Source.LANGUAGE_MODEL, "PERSON", persons)
    if persons >= (A_FEW if named else MOST):
        return case.is_(Verdict.REVIEW, c.NAME, _name(case.name), evidence)
    if located >= MOST:
        return case.is_(Verdict.REVIEW, c.CITY, Evidence(Source.LANGUAGE_MODEL, "LOCATION", located))
    if persons + located < A_FEW:
        none = Evidence(Source.LANGUAGE_MODEL, "no names", 1 - persons - located)
        return case.is_(Verdict.NOT_PERSONAL, None, _name(case.name), none)
    return case.is_(Verdict.REVIEW, c.NAME if named else None, _name(case.name), evidence)


def _name(name: NameEvidence) -> Evidence | None:
    return Evidence(Source.NAME, f"`{' '.join(name.tokens)}`") if name.tokens else None
