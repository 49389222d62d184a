"""What is personal data: columns and free text, in French and English. Presidio is the engine.

The path of a column: `candidates` (what its type allows, and a sample) → `inside` (JSON) → `patterns` and
`vocabularies` (what its values are) → `names` (what it is called) → `undecided` (free text, codes, known names, and the
models of `ner` where nothing else speaks) → `places` (what the table around it says) → a verdict.
Free text goes through `text`; `text_processes` shares it out among processes.
"""

from __future__ import annotations

from pipelines.classify.columns import classify
from pipelines.classify.text import Span, redact_text, spans, spans_of
from pipelines.classify.verdict import Column, ColumnVerdict, Evidence, Table, Verdict

__all__ = [
    "Column",
    "ColumnVerdict",
    "Evidence",
    "Span",
    "Table",
    "Verdict",
    "classify",
    "redact_text",
    "spans",
    "spans_of",
]
