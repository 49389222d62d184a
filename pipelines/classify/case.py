"""A column under judgement: what can be said of it at sight, and how a judge answers."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.classify.candidates import Family, Sample, family_of, sample_of
from pipelines.classify.names import NameEvidence, read, says_text
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Source, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """A column with what can be said of it at sight. ``linking``: it is part of a key or of a reference."""

    column: Column
    family: Family
    name: NameEvidence
    sample: Sample
    linking: bool
    announced: tuple[str, ...] = ()
    """The words of the name that announce free text."""
    elsewhere: bool = False
    """The table's name says that it is about goods or bodies."""

    @property
    def strong(self) -> str | None:
        """The category that the name alone speaks for."""
        return None if self.name.weak else self.name.category

    @property
    def named(self) -> Evidence | None:
        """What the name says, as evidence."""
        return Evidence(Source.NAME, f"`{' '.join(self.name.tokens)}`") if self.name.tokens else None

    def personal(self, category: str, *evidence: Evidence | None) -> ColumnVerdict:
        """Personal, of a category."""
        return self._is(Verdict.PERSONAL, category, evidence)

    def review(self, category: str | None, *evidence: Evidence | None) -> ColumnVerdict:
        """For a person to judge, or for the table."""
        return self._is(Verdict.REVIEW, category, evidence)

    def plain(self, *evidence: Evidence | None) -> ColumnVerdict:
        """Not personal."""
        return self._is(Verdict.NOT_PERSONAL, None, evidence)

    def schema(self, says: str) -> ColumnVerdict:
        """Not personal, by the schema alone."""
        return self.plain(Evidence(Source.SCHEMA, says))

    def _is(self, verdict: Verdict, category: str | None, evidence: tuple[Evidence | None, ...]) -> ColumnVerdict:
        return ColumnVerdict(self.column.name, verdict, category, tuple(each for each in evidence if each))


def case_of(column: Column, common: frozenset[str], *, linking: bool, elsewhere: bool) -> Case:
    """A column as the judges see it; ``common`` are words that all columns of its table share."""
    announced = says_text(column.name, common)
    name = read(column.name, common)
    return Case(column, family_of(column), name, sample_of(column.values), linking, announced, elsewhere)
