"""Rampart: a small token classifier (ONNX) that tells names, streets, towns, numbers, in French and in English.

It labels sub-words; what is read from it here is a distribution over labels for each token of a text, with the
token's place. B- and I- of a label are added up: where an entity begins is better seen from the words themselves.

Rampart is by National Design Studio, CC BY 4.0 (see NOTICE). Imported only where text is read: it loads onnxruntime.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from pipelines.classify.eight_bit import eight_bit_model

OUTSIDE: Final = "O"

WINDOW: Final = 160
"""Tokens that are read at once. Much more, and the model sees less; it was trained on short texts."""

OVERLAP: Final = 32
"""Tokens that two windows share; each token is taken from the window in which it stands further from the edge."""

Array = Any  # numpy's own types say nothing here that the docstrings do not


@dataclass(frozen=True, slots=True)
class TokenReading:
    """What the classifier says of one text: where its tokens are, and a row of probabilities for each."""

    starts: Array
    ends: Array
    rows: Array


class TokenClassifier:
    """A loaded model. ``labels`` names the columns of what it says; the first is `OUTSIDE`.

    ``eight_bits``: it computes with integers of eight bits, which is faster than with the four that it is stored in.
    """

    def __init__(self, folder: Path, *, eight_bits: bool = True) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        by_number = {int(number): label for number, label in config["id2label"].items()}
        plain = [by_number[number].removeprefix("B-").removeprefix("I-") for number in range(len(by_number))]
        self.labels: tuple[str, ...] = tuple(dict.fromkeys([OUTSIDE, *plain]))
        self._merge = np.zeros((len(plain), len(self.labels)), dtype=np.float32)
        for number, label in enumerate(plain):
            self._merge[number, self.labels.index(label)] = 1
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first = self._tokenizer.token_to_id("[CLS]") or 0
        self._last = self._tokenizer.token_to_id("[SEP]") or 0
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # who has more processors runs more processes
        file = folder / "onnx" / "model_q4.onnx"
        model = eight_bit_model(file, config["num_attention_heads"]) if eight_bits else str(file)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}

    def read(self, texts: Sequence[str]) -> list[TokenReading]:
        """What the model says of each text; long ones are read in windows.

        Each window is read alone: integers of eight bits are scaled by the largest of all that is computed together,
        and what is said of a text must not depend on its neighbours. A resumed redaction finds what the first found.
        """
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ids = [each.ids for each in encoded]
        rows = [np.zeros((len(each), len(self.labels)), dtype=np.float32) for each in ids]
        for text, tokens in enumerate(ids):
            for start, end, first, last in _windows(len(tokens)):
                rows[text][first:last] = self._run(tokens[start:end])[first - start : last - start]
        return [TokenReading(*_offsets(each.offsets), row) for each, row in zip(encoded, rows, strict=True)]

    def _run(self, window: list[int]) -> Array:
        ids = np.array([[self._first, *window, self._last]], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: value for name, value in given.items() if name in self._inputs})[0][0]
        weights = np.exp(logits[1:-1] - logits[1:-1].max(axis=-1, keepdims=True))
        return (weights / weights.sum(axis=-1, keepdims=True)) @ self._merge


def _windows(length: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows over a text's tokens: where each starts and ends, and the part of it that is believed."""
    step = WINDOW - OVERLAP
    for start in range(0, max(length - OVERLAP, 1), step) if length else ():
        end = min(start + WINDOW, length)
        first = start if start == 0 else start + OVERLAP // 2
        yield start, end, first, length if end == length else end - OVERLAP // 2


def _offsets(offsets: list[tuple[int, int]]) -> tuple[Array, Array]:
    places = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    return places[:, 0], places[:, 1]
