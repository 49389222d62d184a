"""What neither type, pattern nor a strong name has decided: free text, codes, enumerations, names, places."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.classify import categories as c
from pipelines.classify import names, ner, patterns
from pipelines.classify import vocabularies as v
from pipelines.classify.candidates import Family, Sample
from pipelines.classify.case import Case
from pipelines.classify.text import MODELLED, Span, spans_of
from pipelines.classify.verdict import ColumnVerdict, Evidence, Source

MOSTLY = 0.5
"""The share of values above which they are what they look like."""

MOST = 0.6
"""The share of values in which a language model must see a name when the column's name says nothing."""

SOME = 0.3
"""The share of known names from which a column that is called after a person holds persons."""

A_FEW = 0.15
"""The share below which there are hardly any names among the values. The small models miss many French names."""

TEXTS = 40
"""Free texts of a column that are searched for spans."""

AT_ONCE = 8
"""Free texts that are read together."""

ENOUGH = 3
"""Texts with something personal in them after which no more are read."""

CODED = frozenset(
    {c.REGION, c.COUNTRY, c.LANGUAGE, c.DEMOGRAPHIC, c.GENDER, c.NATIONAL_ID, c.TAX_ID, c.BANK, c.CREDENTIALS}
)
"""Weakly named categories whose values are codes."""

FEWEST = 5
"""Distinct values below which first names are no proof of a column of them: `Rose, Olive, Violet` are colours too."""


def by_length(case: Case) -> ColumnVerdict | None:
    """Free text: personal when spans are found in it; else a person must say, since the next row may hold one."""
    long, sample = case.family is Family.JSON or case.sample.long, case.sample
    few = sample.enumeration or (sample.distinct <= FEWEST and sample.filled >= 2 * sample.distinct)
    if not long and (not case.announced or case.name.category or few or codes(sample)):
        return None
    if not sample.texts:
        return None
    said = Evidence(Source.NAME, f"`{' '.join(case.announced)}`") if case.announced else None
    read = _read(case)
    if read.sure:
        share = read.sure / read.looked
        return case.personal(c.TEXT, said, Evidence(Source.VALUES, "free text with personal spans", share))
    if not long and not read.perhaps and case.name.veto:
        return case.plain(said, case.named)
    return case.review(c.TEXT, said, Evidence(Source.VALUES, "free text, names in perhaps", read.perhaps / read.looked))


@dataclass(frozen=True, slots=True)
class _Read:
    """How many texts were read, how many surely hold something personal, how many perhaps."""

    looked: int
    sure: int
    perhaps: int


def _read(case: Case) -> _Read:
    """The column's texts, a few at a time, until enough of them are sure."""
    looked = sure = perhaps = 0
    for start in range(0, min(len(case.sample.texts), TEXTS), AT_ONCE):
        texts = case.sample.texts[start : start + AT_ONCE]
        for text, found in zip(texts, spans_of(texts), strict=True):
            looked += 1
            sure += any(_sure(text, span, case) for span in found)
            perhaps += bool(found)
        if sure >= ENOUGH:
            break
    return _Read(looked, sure, perhaps)


def _sure(text: str, span: Span, case: Case) -> bool:
    """A span that a pattern has found, or a name with a known first name in it where it is about persons."""
    if span.type in MODELLED:
        return span.type == "PERSON" and not case.elsewhere and v.has_first_name(text[span.start : span.end])
    return True


def by_rest(case: Case) -> ColumnVerdict:
    """No strong name and no pattern: a code, an enumeration, names, places, or a case for a person."""
    judges = (_empty, _stray, _coded, _weakly_named, _accounts, _by_known_names, _told_by_name_or_shape)
    judged = (judge(case) for judge in judges)
    return next((verdict for verdict in judged if verdict), None) or _by_model(case)


def _empty(case: Case) -> ColumnVerdict | None:
    if case.sample.texts:
        return None
    none = Evidence(Source.VALUES, "none to look at")
    return case.plain(case.named, none) if case.name.veto else case.review(case.name.category, case.named, none)


def _coded(case: Case) -> ColumnVerdict | None:
    """Codes, numbers, and the states of a record."""
    if codes(case.sample) and case.name.category not in CODED:
        return case.plain(Evidence(Source.VALUES, "codes or numbers"))
    if v.share_of(case.sample, "status") >= v.ENOUGH:
        return case.plain(case.named, Evidence(Source.VOCABULARY, "states of a record"))
    return None


def _weakly_named(case: Case) -> ColumnVerdict | None:
    """The table has to say whether it is about persons."""
    weak = case.name.weak and case.name.category != c.NAME
    return case.review(case.name.category, case.named) if weak else None


def _told_by_name_or_shape(case: Case) -> ColumnVerdict | None:
    if case.name.veto:
        return case.plain(case.named)
    if case.elsewhere and case.name.category != c.NAME:
        return case.plain(case.named, Evidence(Source.VOCABULARY, "no known names"))
    if case.sample.enumeration:
        return case.plain(case.named, Evidence(Source.VALUES, "an enumeration"))
    return None


def _stray(case: Case) -> ColumnVerdict | None:
    """A few values of a type that leaves no doubt, in a column of something else."""
    for each in patterns.shares(case.sample):
        count = each.share * len(case.sample.texts)
        if each.entity in patterns.CERTAIN and each.share >= patterns.STRAY and count > 1:
            return case.personal(c.OF_ENTITY[each.entity], Evidence(Source.PATTERN, each.entity, each.share))
    return None


_NUMBERS = r"[\d\W_]*"
_CODES = r"(?=.*\d)[^\W_]*[A-Za-z0-9\-_/.:#]+"
_WORDS = r"[A-Z]{1,4}|[A-Za-z]+([_:/][A-Za-z0-9]+)+|[a-z]{2}[-_][A-Z]{2}|[A-Z][A-Z0-9_\-]*\d[A-Z0-9_\-]*"
_ACCOUNT = r"[a-z]+([._-][a-z]+)?\d{0,3}"


def codes(sample: Sample) -> bool:
    """Whether the values are numbers or codes: letters with digits, few capitals, words joined by underscores."""
    return any(sample.share(pattern) > MOSTLY for pattern in (_NUMBERS, _CODES, _WORDS))


def _accounts(case: Case) -> ColumnVerdict | None:
    """Names of accounts in a column of who did something (`created_by`, `upd_user`), or of a user's id."""
    said = names.meant(case.column.name)
    if case.sample.enumeration or case.sample.share(_ACCOUNT) < MOST or v.named(case.sample) >= SOME:
        return None
    acting = bool(said & {"by", "par"}) or "user" in names.meanings(names.tokens(case.column.name)[-1])
    if case.name.category == c.NAME and acting:
        return case.personal(c.USERNAME, case.named, Evidence(Source.VALUES, "accounts"))
    return case.review(c.USERNAME, case.named) if {"user", "id"} <= said else None


def _by_known_names(case: Case) -> ColumnVerdict | None:
    """Names that many people bear. A person's role in the name, or first name and surname together, are needed."""
    sample, called = case.sample, case.name.category == c.NAME
    if (share := v.companies(sample)) > MOSTLY:
        said = Evidence(Source.VOCABULARY, "names of companies", share)
        return case.review(c.WORKPLACE, said, case.named) if called else case.plain(said, case.named)
    if called and (share := v.named(sample)) >= SOME:
        return case.review(c.NAME, case.named, Evidence(Source.VOCABULARY, "known names", share))
    full = v.full_names(sample)
    if full >= MOST and sample.distinct >= FEWEST:
        return case.personal(c.NAME, Evidence(Source.VOCABULARY, "known first names", full), case.named)
    first = v.first_named(sample)
    if first >= MOST and sample.distinct >= FEWEST and not case.name.veto:
        return case.review(c.FIRST_NAME, Evidence(Source.VOCABULARY, "known first names", first))
    return None


def _by_model(case: Case) -> ColumnVerdict:
    """What the language models make of the values; never more than a case for review by itself."""
    named = case.name.category == c.NAME
    if named and case.elsewhere and not names.roles(case.column.name):
        return case.review(c.NAME, case.named, Evidence(Source.VOCABULARY, "known names", v.named(case.sample)))
    said = ner.shares(case.sample)
    persons, located = said.get("PERSON", 0.0), said.get("LOCATION", 0.0)
    evidence = Evidence(Source.LANGUAGE_MODEL, "PERSON", persons)
    if persons >= (A_FEW if named else MOST):
        return case.review(c.NAME, case.named, evidence)
    if located >= MOST:
        return case.review(c.CITY, Evidence(Source.LANGUAGE_MODEL, "LOCATION", located))
    if persons + located >= A_FEW:
        return case.review(c.NAME if named else None, case.named, evidence)
    none = Evidence(Source.LANGUAGE_MODEL, "no names", 1 - persons - located)
    return case.review(c.NAME, case.named, none) if named else case.plain(case.named, none)
