"""What the table says of a column: a name in a list of customers is a person's, in a list of products it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.classify import categories as c
from pipelines.classify import names
from pipelines.classify.verdict import ColumnVerdict, Evidence, Source, Table, Verdict
from pipelines.classify.wording import words

PERSONS = words(
    "customer client contact person personne people user utilisateur employee employe salarie patient member membre "
    "adherent prospect lead guest passenger student eleve etudiant candidate candidat subscriber abonne attendee "
    "participant recipient beneficiary beneficiaire party tiers account compte profile profil staff personnel"
)
"""Tables of these are about persons by their names alone."""

CONTEXTUAL = frozenset({c.WORKPLACE, c.JOB, c.LANGUAGE, c.GENDER, c.BROWSING, c.STREET})
"""Weakly named categories that a table about persons settles."""


def describes_persons(table: str, verdicts: Iterable[ColumnVerdict]) -> bool:
    """Whether a table's rows are persons: by what it holds, where its name does not say otherwise."""
    personal = {verdict.category for verdict in verdicts if verdict.personal}
    if names.is_organisation(table):
        return bool(personal & {c.FIRST_NAME, c.LAST_NAME, c.BIRTH, c.NATIONAL_ID})
    return bool(personal & c.PERSONAL_SIGNS)


def settled(
    table: Table, verdicts: Sequence[ColumnVerdict], *, about_persons: bool, linked: bool
) -> tuple[ColumnVerdict, ...]:
    """The verdicts of one table, with what only its company can decide."""
    held = {verdict.category for verdict in verdicts if verdict.personal}
    organisation = names.is_organisation(table.name) and not about_persons
    return tuple(
        _settled(table, verdict, held, organisation=organisation, about_persons=about_persons, linked=linked)
        for verdict in verdicts
    )


def _settled(
    table: Table,
    verdict: ColumnVerdict,
    held: set[str | None],
    *,
    organisation: bool,
    about_persons: bool,
    linked: bool,
) -> ColumnVerdict:
    category = verdict.category
    personal = about_persons or linked
    if organisation and not personal and category in c.PLACES | {c.STREET, c.WORKPLACE, c.ADDRESS}:
        return _said(verdict, Verdict.NOT_PERSONAL, "of organisations, places or goods")
    if category in c.PLACES:
        return _placed(verdict, near=personal or bool(held & {c.STREET, c.ADDRESS}))
    if category is None or verdict.verdict is not Verdict.REVIEW:
        return verdict
    if category == c.NAME:
        return _named(table, verdict, held, about_persons=about_persons)
    if category not in CONTEXTUAL or not _model_free(verdict):
        return verdict
    return _placed(verdict, near=personal or c.IP in held)


def _placed(verdict: ColumnVerdict, *, near: bool) -> ColumnVerdict:
    decided = Verdict.PERSONAL if near else Verdict.NOT_PERSONAL
    return _said(verdict, decided, "beside a person" if near else "without a person")


def _named(table: Table, verdict: ColumnVerdict, held: set[str | None], *, about_persons: bool) -> ColumnVerdict:
    """A column that might hold persons' names."""
    if c.FIRST_NAME in held and set(names.tokens(verdict.column)) & {"nom", "name"}:
        return _said(replace(verdict, category=c.LAST_NAME), Verdict.PERSONAL, "beside a first name")
    words = set(names.tokens(table.name.rpartition(".")[2]))
    if names.is_organisation(table.name):
        return _said(verdict, Verdict.NOT_PERSONAL, "of organisations, places or goods")
    of_persons = bool({word.removesuffix("s") for word in words} & PERSONS)
    return _said(verdict, Verdict.PERSONAL, "about persons") if of_persons or about_persons else verdict


def _model_free(verdict: ColumnVerdict) -> bool:
    return not any(each.source in {Source.LANGUAGE_MODEL, Source.VALUES} for each in verdict.evidence)


def _said(verdict: ColumnVerdict, decided: Verdict, says: str) -> ColumnVerdict:
    category = None if decided is Verdict.NOT_PERSONAL else verdict.category
    evidence = (*verdict.evidence, Evidence(Source.TABLE, says))
    return replace(verdict, verdict=decided, category=category, evidence=evidence)
