"""Special categories (GDPR Art. 9 and 10) in columns of free text: reported beside the verdict, whatever it is.

The sample that the verdict rests on is looked at; a word in a column of short values is none of free text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pipelines.classify import categories as c
from pipelines.classify.candidates import sample_of
from pipelines.classify.text_special import special_evidence
from pipelines.classify.verdict import Column, ColumnVerdict, Verdict


def with_special(columns: Sequence[Column], verdicts: Sequence[ColumnVerdict]) -> tuple[ColumnVerdict, ...]:
    """The verdicts, with the special categories that their columns' texts tell of added to the evidence."""
    return tuple(_with(column, verdict) for column, verdict in zip(columns, verdicts, strict=True))


def _with(column: Column, verdict: ColumnVerdict) -> ColumnVerdict:
    if verdict.verdict is Verdict.NOT_PERSONAL or verdict.inside:  # the paths of an object say it each for itself
        return verdict
    sample = sample_of(column.values)
    if not sample.texts or not (sample.long or verdict.category == c.TEXT):
        return verdict
    told = special_evidence(sample.texts)
    return replace(verdict, evidence=(*verdict.evidence, *told)) if told else verdict


def special_of(verdict: ColumnVerdict) -> dict[str, float]:
    """The special categories that a verdict's evidence names, those of the paths inside it too, with their shares."""
    found: dict[str, float] = {}
    for each in verdict.evidence:
        said = _SAID.fullmatch(each.says)
        if said and each.share is not None:
            found[said[1]] = each.share
    for path in verdict.inside:
        for category, share in special_of(path).items():
            found[category] = max(share, found.get(category, 0.0))
    return found


_SAID = re.compile(r"special category `(\w+)`")
