"""Presidio, configured once per process: a pattern engine without a language model, and one with, for free text.

The engine for free text is Presidio's `AnalyzerEngine`. Its NLP engine reads a text with two models, spaCy's
pipeline for the language and a token classifier for both, and hands on words with what both say of them; `Reader`
is the recognizer that makes names, addresses and places of these; the others are patterns with checks and context.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from pipelines.classify.language import Language
from pipelines.classify.models import Models, chosen, classifier_folder, load_pipeline

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngine

    from pipelines.classify.token_classifier import TokenClassifier

ENTITIES = {"PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION"}
"""What is taken from the models. Organisations, dates and numbers of theirs are no evidence of a person."""

THRESHOLD = 0.4
"""The lowest score that counts; doubtful patterns reach it only beside a word of context."""

REPLACED = frozenset({"EMAIL_ADDRESS", "IBAN_CODE", "CREDIT_CARD", "PHONE_NUMBER", "STREET_ADDRESS", "POSTCODE_CITY"})
"""What free text has recognizers of its own for: people write these otherwise than databases hold them."""


@functools.cache
def pattern_engine() -> AnalyzerEngine:
    """The engine for single values: recognizers only. It has one registry, under French."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    from pipelines.classify.recognizers import recognizers

    _quiet()
    registry = RecognizerRegistry(recognizers=recognizers("fr"), supported_languages=["fr"])
    engine = NoOpNlpEngine(models=[{"lang_code": "fr", "model_name": "none"}])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["fr"])


def text_engine(language: Language) -> AnalyzerEngine:
    """The engine for free text in one language, over the models that are chosen.

    Raises:
        ModelMissing: one of the models is not there.
    """
    return _text_engine(language, chosen())


@functools.cache
def _text_engine(language: Language, models: Models) -> AnalyzerEngine:
    from pipelines.classify.reading import TextNlpEngine

    return assembled(language, TextNlpEngine(language, load_pipeline(language, models), _classifier(models)))


def assembled(language: Language, nlp: NlpEngine) -> AnalyzerEngine:
    """Presidio's engine over an NLP engine, with the recognizers for free text and their context."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

    from pipelines.classify.reading import Reader
    from pipelines.classify.recognizers import recognizers
    from pipelines.classify.text_identifiers import text_identifiers

    _quiet()
    generic = [each for each in recognizers(language) if not REPLACED & set(each.supported_entities)]
    registry = RecognizerRegistry(
        recognizers=[*generic, *text_identifiers(language), Reader(language)], supported_languages=[language]
    )
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp,
        supported_languages=[language],
        default_score_threshold=THRESHOLD,
        context_aware_enhancer=LemmaContextAwareEnhancer(context_matching_mode="whole_word"),
    )


@functools.cache
def _classifier(models: Models) -> TokenClassifier:
    """One token classifier for both languages."""
    from pipelines.classify.token_classifier import TokenClassifier

    return TokenClassifier(classifier_folder(models))


def _quiet() -> None:
    """Presidio's loggers name entities and offsets at info level; only what went wrong is wanted."""
    for name in ("presidio-analyzer", "presidio_analyzer", "decision_process"):
        logging.getLogger(name).setLevel(logging.ERROR)
