"""Rewriting an item that stays: the persons whose data are due vanish from it, recognised by their keyed digests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from connectors.base import Ref, Transform
from pipelines.anonymise.attachments import DROP_ATTACHMENTS
from pipelines.estate import Estate
from pipelines.plan.artefact import Step
from pipelines.subjects import subject_digest

CALENDAR = b"BEGIN:VCALENDAR"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def redactor(estate: Estate, step: Step) -> Callable[[Mapping[Ref, frozenset[str]]], Transform]:
    """What makes the rewriting of a step's items, each for those of its subjects (as digests) who are due."""
    dataset = estate.data_maps[step.store].datasets[step.dataset]
    scope = dataset.scope
    attachments = all(each.technique != DROP_ATTACHMENTS for each in dataset.personal.values())
    estate.choose_models()

    def transform_for(subjects: Mapping[Ref, frozenset[str]]) -> Transform:
        def transform(ref: Ref, content: bytes) -> bytes | None:
            from pipelines.anonymise.calendar import redact_calendar
            from pipelines.anonymise.message import redact_message
            from pipelines.classify.text import redact_text

            def concerns(address: str, _name: str) -> bool:
                return bool(address) and subject_digest(estate.key, scope, "email", address) in subjects[ref]

            def redact(text: str, known: Collection[str]) -> str:
                return redact_text(text, known=known)

            if content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(CALENDAR):
                return redact_calendar(content, concerns, redact)
            return redact_message(content, concerns, redact, attachments=attachments)

        return transform

    return transform_for
