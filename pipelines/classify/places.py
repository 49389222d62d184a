"""What the table says of a column: a name in a list of customers is a person's, in a list of products it is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pipelines.classify import categories as c
from pipelines.classify import names
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Source, Table, Verdict

SURE_SIGNS = frozenset({c.FIRST_NAME, c.LAST_NAME, c.BIRTH, c.NATIONAL_ID})
"""A table with one of these describes persons, whatever it is called."""

SIGNS = SURE_SIGNS | {c.NAME, c.EMAIL, c.PHONE, c.USERNAME, c.GENDER}
"""A table with one of these has to do with persons."""

SITES = c.PLACES | {c.STREET, c.ADDRESS, c.WORKPLACE, c.LOCATION}
"""Categories that a company's premises have too."""

BESIDE = frozenset({c.WORKPLACE, c.LANGUAGE, c.GENDER, c.MARITAL})
"""Weakly named categories that are somebody's beside an address, a phone number or a name."""

TECHNICAL = frozenset({c.IP, c.COOKIE, c.DEVICE, c.DEVICE_ID})
"""A table with one of these is about visits."""

JOBS = frozenset({c.JOB, c.SALARY})
"""Categories that a list of jobs has too."""

OF_ANYBODY = frozenset({c.WORKPLACE, c.GENDER, c.MARITAL, c.STREET, c.LOCATION, c.BANK, c.SALARY, c.CONTACT, c.TAX_ID})
"""Weakly named categories that are somebody's in a table that points at persons, too."""

GRAVE = frozenset({c.USERNAME, c.CREDENTIALS, c.TAX_ID, c.GENDER, c.CONTACT})
"""Weakly named categories that stay for review where the table does not speak of persons."""

KNOWN = 0.5
"""The share of known names from which a column called `name` holds persons, in a table that says nothing."""

MOSTLY = 0.6
"""The share of known names from which a column called `name` makes the table one of persons."""

FUNCTIONS = 0.5
"""The share of addresses of a function (`contact@`) from which a company's addresses are nobody's."""

_COMPANY_NUMBERS = frozenset({"siren", "siret", "tva", "vat", "rcs", "duns", "kbis", "naf", "ape"})


@dataclass(frozen=True, slots=True)
class About:
    """What a table is about. ``persons``: its rows are persons; ``held``: its categories.

    ``linked``: they point at persons; ``first``: the roles named beside its first names (`prenom_client`: client).
    """

    persons: bool
    bodies: bool
    things: bool
    held: frozenset[str]
    first: frozenset[frozenset[str]] = frozenset()
    linked: bool = False

    @property
    def near(self) -> bool:
        """Whether what is in the table is some person's."""
        return self.persons or self.linked or bool(self.held & (SIGNS | {c.STREET, c.ADDRESS}))


def about(table: Table, verdicts: Sequence[ColumnVerdict]) -> About:
    """What a table is about: by what it holds, by its name, and by a word that its columns share."""
    held = frozenset(each.category for each in verdicts if each.personal and each.category)
    columns = [column.name for column in table.columns]
    said = names.read_table(table.name, names.common_words(columns))
    numbers = any(map(_company_number, table.columns)) and not any(map(names.points_at_person, columns))
    sure = bool(held & SURE_SIGNS) or (not said.things and any(map(_names_persons, verdicts)))
    first = frozenset(names.roles(each.column) for each in verdicts if each.personal and each.category == c.FIRST_NAME)
    by_name = said.persons and not (said.bodies or said.things or said.transactions)
    bodies = said.bodies or (numbers and not said.persons and not said.transactions)
    return About(sure or by_name, bodies and not sure, said.things and not sure, held, first, said.persons)


def _company_number(column: Column) -> bool:
    """Whether a column is the number of a company, and most rows have one."""
    filled = sum(value is not None and value != "" for value in column.values)
    return bool(set(names.tokens(column.name)) & _COMPANY_NUMBERS) and 2 * filled >= len(column.values)


def linked(table: Table, about: About, persons: Collection[str]) -> About:
    """The same, with what the table's references say: declared ones, or columns that hold the number of a person."""
    pointing = bool(set(persons) & set(table.references)) or any(
        names.points_at_person(column.name) for column in table.columns
    )
    return replace(about, linked=about.linked or pointing)


def settled(verdicts: Sequence[ColumnVerdict], about: About) -> tuple[ColumnVerdict, ...]:
    """The verdicts of one table, with what only its company can decide."""
    return tuple(_settled(verdict, about) for verdict in verdicts)


def _settled(verdict: ColumnVerdict, about: About) -> ColumnVerdict:
    category = verdict.category
    if category is None or verdict.verdict is Verdict.NOT_PERSONAL or verdict.inside:
        return verdict
    elsewhere = not about.persons and (about.bodies or (about.things and not about.linked))
    if elsewhere and (category in SITES or (category in JOBS and not names.roles(verdict.column))):
        return _said(verdict, Verdict.NOT_PERSONAL, _ELSEWHERE)
    if verdict.personal:
        return _doubted(verdict, about)
    return _reviewed(verdict, about)


def _doubted(verdict: ColumnVerdict, about: About) -> ColumnVerdict:
    """What is personal by itself, unless the table is about something else."""
    category = verdict.category
    if category in c.PLACES:
        return _placed(verdict, near=about.near)
    if category == c.LOCATION and not (about.persons or about.linked or about.held & {c.STREET, c.ADDRESS}):
        return _said(verdict, Verdict.REVIEW, "without a person")
    if category == c.NAME and _surname(verdict, about):
        return _said(replace(verdict, category=c.LAST_NAME), Verdict.PERSONAL, "beside a first name")
    of_a_body = about.bodies and not about.persons and not about.held & {c.NAME, c.FIRST_NAME, c.LAST_NAME}
    of_a_machine = category == c.IP and about.things and not (about.near or names.roles(verdict.column))
    if of_a_machine or (of_a_body and (category in {c.PHONE, c.FAX} or _of_a_function(verdict))):
        return _said(verdict, Verdict.REVIEW, _ELSEWHERE)
    return verdict


def _of_a_function(verdict: ColumnVerdict) -> bool:
    shares = [each.share or 0 for each in verdict.evidence if each.source is Source.VOCABULARY]
    return verdict.category == c.EMAIL and max(shares, default=0) >= FUNCTIONS


def _reviewed(verdict: ColumnVerdict, about: About) -> ColumnVerdict:
    """What is for review by itself, where the table can say more."""
    elsewhere = (about.things or about.bodies) and not about.persons
    if verdict.category == c.NAME:
        return _named(verdict, about)
    if verdict.category == c.TEXT:
        nothing = any(each.source is Source.VALUES and each.share == 0 for each in verdict.evidence)
        return _said(verdict, Verdict.NOT_PERSONAL, _ELSEWHERE) if nothing and elsewhere else verdict
    if verdict.category in c.PLACES and not _contradicted(verdict):
        return _placed(verdict, near=about.near and not elsewhere)
    if _contradicted(verdict):
        return verdict
    return _weak(verdict, about, elsewhere=elsewhere)


def _contradicted(verdict: ColumnVerdict) -> bool:
    return any(each.source is Source.VALUES for each in verdict.evidence)


def _weak(verdict: ColumnVerdict, about: About, *, elsewhere: bool) -> ColumnVerdict:
    """A weak name, or a telling vocabulary: somebody's where the table is about persons, or points at some."""
    category = verdict.category or ""
    measured = any(each.source is Source.SCHEMA for each in verdict.evidence)  # a weight, a height: of a parcel?
    anybody = category in OF_ANYBODY or (category == c.HEALTH and not measured)
    if category == c.BROWSING and about.persons:
        return _said(replace(verdict, category=c.WEB_PAGE), Verdict.PERSONAL, "about persons")
    if category == c.BROWSING and about.held & TECHNICAL:
        return _said(verdict, Verdict.PERSONAL, "beside a visitor")
    if about.persons or (about.linked and anybody):
        return _said(verdict, Verdict.PERSONAL, "about persons")
    if category in BESIDE and about.near and not elsewhere:
        return _said(verdict, Verdict.PERSONAL, "beside a person")
    if category in {c.FIRST_NAME, c.PHONE} or (category in GRAVE and not elsewhere):
        return verdict
    return _said(verdict, Verdict.NOT_PERSONAL, "without a person")


_ELSEWHERE = "of organisations, places or goods"


def _placed(verdict: ColumnVerdict, *, near: bool) -> ColumnVerdict:
    decided = Verdict.PERSONAL if near else Verdict.NOT_PERSONAL
    return _said(verdict, decided, "beside a person" if near else "without a person")


def _named(verdict: ColumnVerdict, about: About) -> ColumnVerdict:
    """A column that might hold persons' names: by its own name, the table's, and how many of the names are known."""
    if _surname(verdict, about):
        return _said(replace(verdict, category=c.LAST_NAME), Verdict.PERSONAL, "beside a first name")
    known = max((each.share or 0 for each in verdict.evidence if each.source is Source.VOCABULARY), default=0.0)
    role = bool(names.roles(verdict.column)) or bool(names.meant(verdict.column) & {"by", "par"})
    if known >= KNOWN and (role or not (about.things or about.bodies)):
        return _said(verdict, Verdict.PERSONAL, "nothing against it")
    none = any(each.source is Source.LANGUAGE_MODEL and each.says == "no names" for each in verdict.evidence)
    if about.persons and not (role and none):
        return _said(verdict, Verdict.PERSONAL, "about persons")
    if none or ((about.things or about.bodies) and not role):
        return _said(verdict, Verdict.NOT_PERSONAL, _ELSEWHERE)
    return verdict


def _surname(verdict: ColumnVerdict, about: About) -> bool:
    """Whether a column is the surname to a first name of the table: `nom_client` beside `prenom_client`."""
    alone = about.first == {frozenset()} and c.LAST_NAME not in about.held
    beside = alone or names.roles(verdict.column) in about.first
    return names.is_bare(verdict.column) and beside


def _names_persons(verdict: ColumnVerdict) -> bool:
    """Whether a column called `name` holds names that people bear, most of them."""
    known = any(each.source is Source.VOCABULARY and (each.share or 0) >= MOSTLY for each in verdict.evidence)
    return verdict.category == c.NAME and known and names.is_bare(verdict.column)


def _said(verdict: ColumnVerdict, decided: Verdict, says: str) -> ColumnVerdict:
    category = None if decided is Verdict.NOT_PERSONAL else verdict.category
    evidence = (*verdict.evidence, Evidence(Source.TABLE, says))
    return replace(verdict, verdict=decided, category=category, evidence=evidence)
