"""What neither type, pattern nor a strong name has decided: free text, codes, enumerations, names, places."""

from __future__ import annotations

from pipelines.classify import categories as c
from pipelines.classify import names, ner, patterns
from pipelines.classify import vocabularies as v
from pipelines.classify.candidates import Family, Sample
from pipelines.classify.case import Case
from pipelines.classify.text import MODELLED, Span, spans
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

CODED = frozenset(
    {c.REGION, c.COUNTRY, c.LANGUAGE, c.DEMOGRAPHIC, c.GENDER, c.NATIONAL_ID, c.TAX_ID, c.BANK, c.CREDENTIALS}
)
"""Weakly named categories whose values are codes."""

FEWEST = 5
"""Distinct values below which first names are no proof of a column of them: `Rose, Olive, Violet` are colours too."""


def by_length(case: Case) -> ColumnVerdict | None:
    """Free text: personal when spans are found in it; else a person must say, since the next row may hold one."""
    long, sample = case.family is Family.JSON or case.sample.long, case.sample
    if not long and (not case.announced or case.name.category or sample.enumeration or codes(sample)):
        return None
    if not sample.texts:
        return None
    said = Evidence(Source.NAME, f"`{' '.join(case.announced)}`") if case.announced else None
    looked = case.sample.texts[:TEXTS]
    found = [spans(text) for text in looked]
    sure = sum(any(_sure(text, span) for span in each) for text, each in zip(looked, found, strict=True))
    if sure:
        return case.personal(c.TEXT, said, Evidence(Source.VALUES, "free text with personal spans", sure / len(looked)))
    if not long and not any(found) and v.companies(case.sample) < MOSTLY and case.name.veto:
        return case.plain(said, case.named)
    maybe = sum(map(bool, found)) / len(looked) if looked else 0.0
    return case.review(c.TEXT, said, Evidence(Source.VALUES, "free text, names in perhaps", maybe))


def _sure(text: str, span: Span) -> bool:
    """A span that a pattern has found, or a name with a known first name in it."""
    return span.type not in MODELLED or (span.type == "PERSON" and v.has_first_name(text[span.start : span.end]))


def by_rest(case: Case) -> ColumnVerdict:
    """No strong name and no pattern: a code, an enumeration, names, places, or a case for a person."""
    name, sample = case.name, case.sample
    if not sample.texts:
        none = Evidence(Source.VALUES, "none to look at")
        return case.plain(case.named, none) if name.veto else case.review(name.category, case.named, none)
    stray = _stray(case)
    if stray:
        return stray
    if codes(sample) and name.category not in CODED:
        return case.plain(Evidence(Source.VALUES, "codes or numbers"))
    if v.share_of(sample, "status") >= v.ENOUGH:
        return case.plain(case.named, Evidence(Source.VOCABULARY, "states of a record"))
    if name.weak and name.category != c.NAME:
        return case.review(name.category, case.named)
    known = _by_known_names(case)
    if known:
        return known
    if name.veto:
        return case.plain(case.named)
    if case.elsewhere and name.category != c.NAME:
        return case.plain(case.named, Evidence(Source.VOCABULARY, "no known names"))
    if sample.enumeration:
        return case.plain(case.named, Evidence(Source.VALUES, "an enumeration"))
    return _by_model(case)


def _stray(case: Case) -> ColumnVerdict | None:
    """A few values of a type that leaves no doubt, in a column of something else."""
    for each in patterns.shares(case.sample):
        count = each.share * len(case.sample.texts)
        if each.entity in patterns.CERTAIN and each.share >= patterns.STRAY and count > 1:
            return case.personal(c.OF_ENTITY[each.entity], Evidence(Source.PATTERN, each.entity, each.share))
    return None


def codes(sample: Sample) -> bool:
    """Whether the values are numbers or codes: letters with digits, few capitals, words joined by underscores."""
    if sample.share(r"[\d\W_]*") > MOSTLY or sample.share(r"(?=.*\d)[^\W_]*[A-Za-z0-9\-_/.:#]+") > MOSTLY:
        return True
    return (
        sample.share(r"[A-Z]{1,4}|[A-Za-z]+([_:/][A-Za-z0-9]+)+|[a-z]{2}[-_][A-Z]{2}|[A-Z][A-Z0-9_\-]*\d[A-Z0-9_\-]*")
        > MOSTLY
    )


def _by_known_names(case: Case) -> ColumnVerdict | None:
    """Names that many people bear. A person's role in the name, or first name and surname together, are needed."""
    name, sample = case.name, case.sample
    if v.companies(sample) > MOSTLY:
        share = Evidence(Source.VOCABULARY, "names of companies", v.companies(sample))
        return case.review(c.WORKPLACE, share, case.named) if name.category == c.NAME else case.plain(share, case.named)
    if name.category == c.NAME and (share := v.named(sample)) >= SOME:
        said = Evidence(Source.VOCABULARY, "known names", share)
        return case.review(c.NAME, case.named, said)
    if name.category == c.NAME and sample.share(r"[a-z]+([._-][a-z]+)?\d{0,3}") >= MOST and names.says_who(name.tokens):
        return case.personal(c.USERNAME, case.named, Evidence(Source.VALUES, "accounts"))
    full = v.full_names(sample)
    if full >= MOST:
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
