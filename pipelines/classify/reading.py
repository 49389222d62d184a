"""The models inside Presidio: an NLP engine that reads texts with both, and the recognizer that draws on them.

Imported only by `pipelines.classify.engine`: it loads Presidio, and what it is given has loaded spaCy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final, cast

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from pipelines.classify.language import Language
from pipelines.classify.recognizers import addresses
from pipelines.classify.text_found import result
from pipelines.classify.text_names import names_in
from pipelines.classify.text_parts import for_models, parts_to_read, sentences_around
from pipelines.classify.text_places import Part, countries_in, places_in
from pipelines.classify.text_words import Word, doubtful, read_words, with_entities
from pipelines.classify.token_classifier import TokenClassifier

ENTITY_OF: Final = {
    "WHOLE": "STREET_ADDRESS",
    "CORNER": "STREET_ADDRESS",
    "STREET": "STREET_ADDRESS",
    "NUMBER": "STREET_ADDRESS",
    "FLAT": "STREET_ADDRESS",
    "ZIP": "POSTCODE_CITY",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "COUNTRY": "LOCATION",
}


_PIECE = re.compile(r"\w+|[^\w\s]")


class Artifacts(NlpArtifacts):
    """What Presidio hands to its recognizers: the words with what both models say of them; pieces on demand."""

    def __init__(self, engine: TextNlpEngine, text: str, words: Sequence[Word]) -> None:
        # Presidio's own constructor looks every word up for its keywords: few texts have a number that wants context.
        self.nlp_engine = engine
        self.entities: list[Any] = []
        self.scores: list[float] = []
        self.words = words
        self._text = text

    @cached_property
    def tokens(self) -> Any:  # type: ignore[override]
        """The text's words and signs, cut without a model: only what stands around a doubtful number is looked up."""
        return [match[0] for match in self._pieces]

    @cached_property
    def tokens_indices(self) -> list[int]:  # type: ignore[override]
        """Where they begin."""
        return [match.start() for match in self._pieces]

    @cached_property
    def lemmas(self) -> list[str]:  # type: ignore[override]
        """In lower case, which stands in for lemmas: context words are given in the forms that occur."""
        return [match[0].lower() for match in self._pieces]

    @cached_property
    def keywords(self) -> Any:  # type: ignore[override]
        """The words that can be context: all of them, since `call` is a small word to spaCy and context to a phone."""
        return frozenset(piece for piece in self.lemmas if any(map(str.isalnum, piece)))

    @cached_property
    def _pieces(self) -> list[re.Match[str]]:
        return list(_PIECE.finditer(self._text))


class TextNlpEngine(NlpEngine):
    """Presidio's NLP engine over a spaCy pipeline and a token classifier.

    Unless it is told not to be, it is ``sparing``: what can hold neither name nor address is not read, and spaCy is
    asked only where the token classifier leaves a doubt.
    """

    def __init__(self, language: Language, pipeline: Any, classifier: TokenClassifier, *, sparing: bool = True) -> None:
        self._language = language
        self._sparing = sparing
        self._pipeline = pipeline
        self._classifier = classifier

    def load(self) -> None:
        """Loaded when it is made."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> Artifacts:  # noqa: ARG002 - it has one
        """Read one text."""
        return next(iter(self._read([text])))

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,  # noqa: ARG002 - it has one
        batch_size: int = 1,  # noqa: ARG002 - by length, below
        n_process: int = 1,  # noqa: ARG002 - one
        **_: Any,
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Read many texts: each with what both models say of it."""
        given = list(texts)
        yield from zip(given, self._read(given), strict=True)

    def is_stopword(self, word: str, language: str) -> bool:  # noqa: ARG002 - it has one
        """Whether it is one of the language's small words."""
        return bool(self._pipeline.vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002 - it has one
        """Whether it is punctuation."""
        return bool(self._pipeline.vocab[word].is_punct)

    def get_supported_entities(self) -> list[str]:
        """The entities that `Reader` makes of what is read."""
        return ["PERSON", *dict.fromkeys(ENTITY_OF.values())]

    def get_supported_languages(self) -> list[str]:
        """The one language of its pipeline."""
        return [self._language]

    def get_nlp(self, language: str) -> Any:  # noqa: ARG002 - it has one
        """The spaCy pipeline."""
        return self._pipeline

    def _read(self, texts: Sequence[str]) -> Iterator[Artifacts]:
        """Both models over the parts of each text that can hold a name or an address, all parts together."""
        seen = [for_models(text) if self._sparing else text for text in texts]
        parts = [parts_to_read(text) if self._sparing else [(0, len(text))] for text in seen]
        cut = [text[start:end] for text, each in zip(seen, parts, strict=True) for start, end in each]
        labels = self._classifier.labels
        read = [read_words(part, each, labels) for part, each in zip(cut, self._classifier.read(cut), strict=True)]
        for place, entities in self._entities(cut, read):
            read[place] = with_entities(read[place], entities)
        done = iter(read)
        for text, each in zip(texts, parts, strict=True):
            yield Artifacts(self, text, [word.moved(start) for start, _ in each for word in next(done)])

    def _entities(
        self, texts: Sequence[str], read: Sequence[Sequence[Word]]
    ) -> Iterator[tuple[int, list[tuple[int, int, str]]]]:
        """Entities of spaCy in each text of which it is asked: in the sentences with a doubt, and those beside them."""
        asked = [
            (place, start, end)
            for place, (text, words) in enumerate(zip(texts, read, strict=True))
            for start, end in (
                sentences_around(text, [word.start for word in words if doubtful(word)])
                if self._sparing
                else [(0, len(text))]
            )
        ]
        documents = self._pipeline.pipe(texts[place][start:end] for place, start, end in asked)
        found: dict[int, list[tuple[int, int, str]]] = {}
        for (place, start, _), document in zip(asked, documents, strict=True):
            found.setdefault(place, []).extend(
                (start + entity.start_char, start + entity.end_char, entity.label_) for entity in document.ents
            )
        yield from found.items()


class Reader(LocalRecognizer):
    """Names, addresses and places, of what the models say of the words and of what addresses look like."""

    def __init__(self, language: Language) -> None:
        self._patterns = [
            each for each in addresses(language) if set(each.supported_entities) & set(ENTITY_OF.values())
        ]
        super().__init__(
            supported_entities=["PERSON", *dict.fromkeys(ENTITY_OF.values())],
            supported_language=language,
            name="Reader",
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The spans of the text."""
        if not isinstance(nlp_artifacts, Artifacts):
            return []
        names, companies = names_in(text, nlp_artifacts.words, countries_in(text, nlp_artifacts.words))
        found = [result(self, "PERSON", *name) for name in names]
        parts = _with_cities(
            text, places_in(text, nlp_artifacts.words, sorted([*names, *companies]), self._shapes(text))
        )
        found += [result(self, ENTITY_OF[part.kind], part.start, part.end, part.score) for part in parts]
        return [each for each in found if each.entity_type in entities]

    def _shapes(self, text: str) -> list[tuple[int, int, str]]:
        if not any(ch.isdigit() for ch in text):
            return []
        return [
            (each.start, each.end, each.entity_type)
            for recognizer in self._patterns
            for each in recognizer.analyze(text, recognizer.supported_entities, cast("NlpArtifacts", None))
        ]


def _with_cities(text: str, parts: Sequence[Part]) -> list[Part]:
    """`75011 Paris` is one thing."""
    found: list[Part] = []
    for part in parts:
        before = found[-1] if found else None
        if before and (before.kind, part.kind) == ("ZIP", "CITY") and text[before.end : part.start] in {" ", "\u00a0"}:
            found[-1] = Part(before.start, part.end, "ZIP", max(before.score, part.score))
        else:
            found.append(part)
    return found
