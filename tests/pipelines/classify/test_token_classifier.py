"""The token classifier: made faster, it says what it said, and of a text always the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pipelines.classify.eight_bit import ATTENTION, EIGHT_BITS, FOUR_BITS, eight_bit_model
from pipelines.classify.models import chosen, classifier_folder
from pipelines.classify.token_classifier import TokenClassifier

TEXTS = (
    "Question 13",
    "Bonjour, rappelez Madame Éloïse Garnier le 06 12 34 56 78, 51 avenue Gutenberg, 04000 Digne-les-Bains.",
    "Paul Martin lives at 5 Halsey Road, London, and his brother John in Leeds. " * 9,
)
"""The last one is longer than a window."""


@pytest.fixture(scope="module")
def classifier() -> TokenClassifier:
    return TokenClassifier(classifier_folder(chosen()))


def test_a_reading_is_the_same_alone_and_among_others(classifier: TokenClassifier) -> None:
    for one, text in zip(classifier.read(TEXTS), TEXTS, strict=True):
        (alone,) = classifier.read([text])
        assert (one.rows == alone.rows).all()


def test_computing_with_integers_changes_little(classifier: TokenClassifier) -> None:
    stored = TokenClassifier(classifier_folder(chosen()), eight_bits=False)
    sentences = TEXTS[1:]  # of two words, either says little
    for mine, theirs in zip(classifier.read(sentences), stored.read(sentences), strict=True):
        assert (mine.starts == theirs.starts).all()
        assert np.abs(mine.rows - theirs.rows).mean() < 0.01
        assert (mine.rows.argmax(axis=1) == theirs.rows.argmax(axis=1)).mean() > 0.95


def test_attention_is_one_step_in_each_layer() -> None:
    model = onnx.load_from_string(eight_bit_model(classifier_folder(chosen()) / "onnx" / "model_q4.onnx", 12))
    steps = [node.op_type for node in model.graph.node]
    assert (steps.count(ATTENTION), steps.count(EIGHT_BITS)) == (6, 19)
    assert FOUR_BITS not in steps
    assert "Softmax" not in steps


def test_a_layer_that_is_named_otherwise_keeps_its_steps(tmp_path_factory: pytest.TempPathFactory) -> None:
    model = onnx.load(classifier_folder(chosen()) / "onnx" / "model_q4.onnx")
    for node in model.graph.node:
        node.name = node.name.replace("/self/query", "/asking")
    file = tmp_path_factory.mktemp("model") / "model.onnx"
    onnx.save(model, file)
    steps = [node.op_type for node in onnx.load_from_string(eight_bit_model(file, 12)).graph.node]
    assert (steps.count(ATTENTION), steps.count(EIGHT_BITS), steps.count("Softmax")) == (0, 37, 6)
