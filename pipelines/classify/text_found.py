"""What the recognizers of free text share: a recognizer that gives places and scores, and the scores.

Imported only by `pipelines.classify.engine`: it loads Presidio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from presidio_analyzer import AnalysisExplanation, LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from pipelines.classify.text_words import Word

SURE, LIKELY, POSSIBLE, DOUBTFUL = 0.95, 0.7, 0.5, 0.25
"""Scores: checked; valid in form, or seen by the model; in the form alone; worth nothing without a word of context."""

SPACES = " \t\u00a0\u202f\u2009"
"""What separates the digits of a number on a line."""


class Found(LocalRecognizer):
    """A recognizer of one entity: `found` gives the start, end and score of each of its spans."""

    entity = ""

    def __init__(self, language: str, context: Sequence[str] = ()) -> None:
        super().__init__(
            supported_entities=[self.entity],
            supported_language=language,
            context=list(context),
            name=f"Text{self.entity.title().replace('_', '')}Recognizer",
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The spans of the text."""
        if self.entity not in entities:
            return []
        words: Sequence[Word] = getattr(nlp_artifacts, "words", ())
        return [result(self, self.entity, *each) for each in self.found(text, words)]

    def found(self, text: str, words: Sequence[Word]) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of each span."""
        raise NotImplementedError


def result(recognizer: Any, entity: str, start: int, end: int, score: float) -> RecognizerResult:
    """A result as Presidio wants it: with who found it, and an explanation that a word of context may improve."""
    known = {
        RecognizerResult.RECOGNIZER_NAME_KEY: str(recognizer.name),
        RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer.id,
    }
    return RecognizerResult(entity, start, end, score, AnalysisExplanation(str(recognizer.name), score), known)
