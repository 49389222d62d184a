"""A model with weights of four bits, made one that computes with eight: the same weights, three times as fast.

Weights of four bits make a small file, but are widened to floats before every product. As integers of eight bits
they hold the same values within half a step, and the processor multiplies them as they are. The attention of a layer,
twenty steps as it is stored, is one of onnxruntime's. What is made stays in memory: the model's files are as they
were installed.

Such integers are scaled by the largest value that is computed together. So what is made is given one window of a text
at a time, without padding, and knows no mask: what it says of a text depends on that text alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

FOUR_BITS: Final = "MatMulNBits"
EIGHT_BITS: Final = "DynamicQuantizeMatMul"
SCALED: Final = "DynamicQuantizeLinear"
ATTENTION: Final = "QAttention"
MICROSOFT: Final = "com.microsoft"

Node = Any  # onnx's own types are generated
Array = Any


@dataclass(frozen=True, slots=True)
class _Product:
    """A product of the stored model: its node, its weights as floats, and the bias that is added to it."""

    node: Node
    given: str
    weights: Array
    bias: Array
    output: str

    @property
    def place(self) -> str:
        """Where in the model it stands, by its name: `/bert/encoder/layer.0/attention/self/query`."""
        return str(self.node.name).rpartition("/")[0]


def eight_bit_model(path: Path, heads: int) -> bytes:
    """The model of a file, computing with eight bits; its attention has so many ``heads``.

    Where the parts of a layer are named as BERT's are, its attention is one step; elsewhere it stays as it is stored.
    """
    graph = (model := onnx.load(path)).graph
    weights = {each.name: each for each in graph.initializer}
    products = {each.node.name: each for each in _products(graph.node, weights)}
    attending = {inward[0].place.rpartition("/")[0]: inward for inward in _triples(products.values())}
    made: list[Node] = []
    added: list[Array] = []
    for node in graph.node:
        product = products.get(node.name)
        if product is None:
            made.append(node)
            continue
        inward = attending.get(product.place.replace("/output/dense", "/self"), ())
        if inward and product.place.endswith("/attention/output/dense"):
            nodes, arrays = _attention(inward, heads)
            made += nodes
            added += arrays
            product = replace(product, given=nodes[-1].output[0])
        nodes, arrays = _product(product)
        made += nodes
        added += arrays
    needed = _needed(made, [each.name for each in graph.output])
    used = {name for node in needed for name in node.input}
    kept = [each for each in [*graph.initializer, *added] if each.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(needed)
    graph.initializer.extend(kept)
    return bytes(model.SerializeToString())


def _products(nodes: Sequence[Node], weights: Mapping[str, Any]) -> Iterator[_Product]:
    """The products of four-bit weights, each with the bias that is added to it alone."""
    taken_by: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.input:
            taken_by.setdefault(name, []).append(node)
    for node in nodes:
        if node.op_type != FOUR_BITS:
            continue
        size = {each.name: each.i for each in node.attribute}
        stored = [numpy_helper.to_array(weights[name]) if name else None for name in node.input[1:4]]
        floats = _floats(size["K"], size["N"], size["block_size"], *stored)
        bias, output = np.zeros(size["N"], np.float32), node.output[0]
        match taken_by.get(output, []):
            case [after] if after.op_type == "Add" and (said := [name for name in after.input if name in weights]):
                bias, output = numpy_helper.to_array(weights[said[0]]), after.output[0]
        yield _Product(node, node.input[0], floats, bias, output)


def _triples(products: Any) -> Iterator[tuple[_Product, _Product, _Product]]:
    """Query, key and value of each layer, where all three are of the same input."""
    by_place = {each.place: each for each in products}
    for place, query in by_place.items():
        if place.endswith("/self/query"):
            layer = place.removesuffix("query")
            key, value = by_place.get(f"{layer}key"), by_place.get(f"{layer}value")
            if key and value and query.given == key.given == value.given:
                yield query, key, value


def _attention(inward: Sequence[_Product], heads: int) -> tuple[list[Node], list[Array]]:
    """The attention before a product, in one step: what comes in as integers, query, key and value side by side."""
    name = inward[0].place.rpartition("/")[0]
    integers, scales = _eight(np.concatenate([each.weights for each in inward], axis=1))
    bias = np.concatenate([each.bias for each in inward])
    scaled = [f"{name}/integers", f"{name}/scale", f"{name}/zero"]
    kept = [f"{name}/weights", f"{name}/bias", f"{name}/scales", f"{name}/zeros"]
    given = [scaled[0], kept[0], kept[1], scaled[1], kept[2], "", scaled[2], kept[3]]
    nodes = [
        helper.make_node(SCALED, [inward[0].given], scaled, name=f"{name}/scaled"),
        helper.make_node(ATTENTION, given, [f"{name}/attended"], name=name, domain=MICROSOFT, num_heads=heads),
    ]
    arrays = (integers, bias, scales, np.zeros(len(scales), np.int8))
    return nodes, [numpy_helper.from_array(array, each) for array, each in zip(arrays, kept, strict=True)]


def _product(product: _Product) -> tuple[list[Node], list[Array]]:
    """A product with its bias, of integers."""
    integers, scales = _eight(product.weights)
    kept = [f"{product.output}/weights", f"{product.output}/scales", f"{product.output}/bias"]
    given = [product.given, kept[0], kept[1], "", kept[2]]
    node = helper.make_node(EIGHT_BITS, given, [product.output], name=product.node.name, domain=MICROSOFT)
    arrays = (integers, scales, product.bias)
    return [node], [numpy_helper.from_array(array, each) for array, each in zip(arrays, kept, strict=True)]


def _needed(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """The nodes from which the outputs are made, each of which is made once: the first to make it stays."""
    first: dict[str, Node] = {}
    for node in nodes:
        for name in node.output:
            first.setdefault(name, node)
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if any(name in needed and first[name] is node for name in node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _floats(rows: int, columns: int, block: int, packed: Array, scales: Array, zeros: Array = None) -> Array:
    """The weights (rows, columns) of a four-bit product: two to a byte, in blocks with a scale and a zero each."""
    blocks = -(-rows // block)
    halves = packed.reshape(columns, blocks, block // 2)
    values = np.empty((columns, blocks, block), np.float32)
    values[..., 0::2] = halves & 15
    values[..., 1::2] = halves >> 4
    if zeros is None:
        values -= 8
    else:
        pairs = zeros.reshape(columns, -1)
        middle = np.empty((columns, pairs.shape[1] * 2), np.float32)
        middle[:, 0::2] = pairs & 15
        middle[:, 1::2] = pairs >> 4
        values -= middle[:, :blocks, None]
    values *= scales.reshape(columns, blocks, 1)
    return values.reshape(columns, blocks * block)[:, :rows].T


def _eight(weights: Array) -> tuple[Array, Array]:
    """Weights as integers of eight bits, with a scale for each column."""
    scales = np.abs(weights).max(axis=0) / 127
    scales[scales == 0] = 1
    integers = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
    return integers, scales.astype(np.float32)
