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
        near = personal or bool(held & {c.STREET, c.ADDRESS})
        decided = Verdict.PERSONAL if near else Verdict.NOT_PERSONAL
        return _said(verdict, decided, "beside a person" if near else "without a person")
    if category is None or verdict.verdict is not Verdict.REVIEW:
        return verdict
    if category == c.NAME:
        return _named(table, verdict, organisation=names.is_organisation(table.name), personal=about_persons)
    if category in CONTEXTUAL and _model_free(verdict):
        return _said(verdict, Verdict.PERSONAL, "beside a person") if personal or c.IP in held else _quiet(verdict)
    return verdict


def _named(table: Table, verdict: ColumnVerdict, *, organisation: bool, personal: bool) -> ColumnVerdict:
    """A column that might hold persons' names."""
    words = set(names.tokens(table.name.rpartition(".")[2]))
    of_persons = {word.removesuffix("s") for word in words} & PERSONS
    if organisation:
        return _said(verdict, Verdict.NOT_PERSONAL, "of organisations, places or goods")
    return _said(verdict, Verdict.PERSONAL, "about persons") if of_persons or personal else verdict


def _model_free(verdict: ColumnVerdict) -> bool:
    return not any(each.source in {Source.LANGUAGE_MODEL, Source.VALUES} for each in verdict.evidence)


def _quiet(verdict: ColumnVerdict) -> ColumnVerdict:
    return replace(_said(verdict, Verdict.NOT_PERSONAL, "without a person"), category=None)


def _said(verdict: ColumnVerdict, decided: Verdict, says: str) -> ColumnVerdict:
    category = None if decided is Verdict.NOT_PERSONAL else verdict.category
    evidence = (*verdict.evidence, Evidence(Source.TABLE, says))
    return replace(verdict, verdict=decided, category=category, evidence=evidence)
