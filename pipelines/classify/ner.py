"""What the language models say of short values: only for columns that nothing else has decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipelines.classify.candidates import Sample
from pipelines.classify.engine import ENTITIES, text_engine
from pipelines.classify.language import Language

VALUES = 60
"""Distinct values that the models look at; more changes no verdict."""

FRAMES: dict[Language, str] = {"fr": "Nous avons vu {} hier.", "en": "We met {} yesterday."}
"""A bare name is no sentence; the models were trained on sentences."""


def shares(sample: Sample) -> dict[str, float]:
    """For `PERSON` and `LOCATION`, the share of values of which both or one of the languages' models say so."""
    texts = [text for text in sample.texts if any(ch.isalpha() for ch in text)][:VALUES]
    if not texts:
        return {}
    said: Counter[str] = Counter()
    for opinions in zip(*(list(_opinions(texts, language)) for language in FRAMES), strict=True):
        for entity in set(opinions) - {""}:
            # Both models agree, or one has seen it and the other nothing: half a vote.
            said[entity] += 2 if len(set(opinions)) == 1 else 1
    return {entity: count / (2 * len(texts)) for entity, count in said.items()}


def _opinions(texts: list[str], language: Language) -> Iterator[str]:
    frame = FRAMES[language]
    start = frame.index("{")
    for text, document in zip(texts, _model(language).pipe(map(frame.format, texts)), strict=True):
        end = start + len(text)
        found = ""
        for entity in document.ents:
            overlap = min(entity.end_char, end) - max(entity.start_char, start)
            if entity.label_ in ENTITIES and overlap >= 0.6 * len(text):
                found = ENTITIES[entity.label_]
        yield found


def _model(language: Language) -> Any:
    engine: Any = text_engine(language).nlp_engine
    return engine.get_nlp(language)
