"""What needs a person's decision, the most pressing first, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.report.model import ReportData
from pipelines.report.wording import Wording
from pipelines.verify.copies import NOWHERE_ELSE


def decisions(data: ReportData, wording: Wording) -> list[str]:
    """Everything that waits for somebody, but for what is undetermined."""
    return [
        *_unfinished(data, wording), *_copies(data, wording), *_refused(data, wording), *_anonymity(data, wording),
        *_undecided(data, wording), *_releases(data, wording), *_evidence(data, wording),
    ]  # fmt: skip


def _unfinished(data: ReportData, wording: Wording) -> Iterator[str]:
    failed = sum(finding.blocking for finding in data.findings)
    if failed:
        said = wording.ngettext("%(n)s expectation failed", "%(n)s expectations failed", failed)
        yield said % {"n": wording.number(failed)}
    warned = sum(not (each.passed or each.blocking or each.expectation == NOWHERE_ELSE) for each in data.findings)
    if warned:
        said = wording.ngettext("%(n)s warning of an expectation", "%(n)s warnings of expectations", warned)
        yield said % {"n": wording.number(warned)}
    left = sum(each.left for each in data.done)
    if left:
        said = wording.ngettext(
            "%(n)s act that was due is still to do", "%(n)s acts that were due are still to do", left
        )
        yield said % {"n": wording.number(left)}


def _copies(data: ReportData, wording: Wording) -> Iterator[str]:
    """What is left in the copies of each dataset, those together that are of one."""
    found: dict[str, list[int | None]] = {}
    for each in data.findings:
        if each.expectation == NOWHERE_ELSE and not each.passed:
            found.setdefault(f"{each.store}.{each.dataset}", []).append(each.seen)
    for place, counts in found.items():
        if None in counts:
            yield wording.labelled(place, wording.gettext("a copy in the same store could not be searched"))
        rows = sum(filter(None, counts))
        if rows:
            said = wording.ngettext(
                "%(n)s row of a copy in the same store may still hold what was acted on",
                "%(n)s rows of copies in the same store may still hold what was acted on",
                rows,
            )
            yield wording.labelled(place, said % {"n": wording.number(rows)})


def _refused(data: ReportData, wording: Wording) -> Iterator[str]:
    for refusal in data.plan.refusals:
        place = ".".join(filter(None, (refusal.store, refusal.dataset)))
        reason = wording.said(refusal.reason) or refusal.reason
        yield wording.labelled(place, reason) if place else reason


def _anonymity(data: ReportData, wording: Wording) -> Iterator[str]:
    for each in data.anonymity:
        place = f"{each.store}.{each.dataset}"
        if each.small:
            said = wording.ngettext(
                "the smallest group holds %(k)s person, %(required)s are required",
                "the smallest group holds %(k)s persons, %(required)s are required",
                each.k or 0,
            )
            yield wording.labelled(place, said % {"k": wording.number(each.k or 0), "required": each.required})
        told = {
            wording.ngettext(
                "%(n)s record of nobody still leads to the row of one person",
                "%(n)s records of nobody still lead to the rows of single persons",
                each.unturned,
            ): each.unturned,
            wording.ngettext(
                "%(n)s due record is held back: no group is large enough to hide it",
                "%(n)s due records are held back: no group is large enough to hide them",
                each.held_back,
            ): each.held_back,
        }
        for said, count in told.items():
            if count:
                yield wording.labelled(place, said % {"n": wording.number(count)})


def _undecided(data: ReportData, wording: Wording) -> Iterator[str]:
    columns = sum(1 for each in data.unclassified if each.field)
    if columns:
        said = wording.ngettext(
            "%(n)s column of mapped tables waits to be classified",
            "%(n)s columns of mapped tables wait to be classified",
            columns,
        )
        yield said % {"n": wording.number(columns)}
    datasets = sum(1 if each.dataset else each.personal for each in data.unclassified if not each.field)
    if datasets:
        said = wording.ngettext(
            "%(n)s dataset that may hold personal data is not in the data map",
            "%(n)s datasets that may hold personal data are not in the data map",
            datasets,
        )
        yield said % {"n": wording.number(datasets)}


def _releases(data: ReportData, wording: Wording) -> Iterator[str]:
    for hold in data.holds:
        if hold.asked:
            yield wording.gettext("hold %(number)s: its release waits for a second person") % {"number": hold.number}


def _evidence(data: ReportData, wording: Wording) -> Iterator[str]:
    for note in data.plan.evidence:
        if not note.complete:
            said = wording.gettext("%(event)s from %(place)s is incomplete: %(reason)s")
            reason = wording.said(note.reason) or note.reason
            yield said % {"event": note.event, "place": f"{note.store}.{note.dataset}", "reason": reason}
