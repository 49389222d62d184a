"""Redact: free text is deleted by default, since what it says of whom is known to nobody."""

from __future__ import annotations

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.replacement import Constant, Replacement
from pipelines.anonymise.suppress import suppress

MARK = "[redacted]"
"""What stands where a text had to stay present; also in messages and events."""


def redact(shape: FieldShape) -> Replacement:
    """NULL; where NULL is refused, `MARK` in a text that is long enough; else as suppression does."""
    fits = shape.length is None or shape.length >= len(MARK)
    if shape.nullable or shape.unique or not fits or family_of(shape.type) is not Family.TEXT:
        return suppress(shape)
    return Replacement("redact", Constant(MARK), lambda _: MARK, r"\[redacted\]", nullable=False)
