"""A model with weights of four bits, made one that computes with eight: the same weights, two to three times as fast.

Weights of four bits make a small file, but are widened to floats before every product. As integers of eight bits
they hold the same values within half a step, and the processor multiplies them as they are. What is made stays in
memory: the model's files are as they were installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

FOUR_BITS = "MatMulNBits"
EIGHT_BITS = "DynamicQuantizeMatMul"


def eight_bit_model(path: Path) -> bytes:
    """The model of a file, its products of four-bit weights computed with eight bits."""
    model = onnx.load(path)
    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    nodes = []
    replaced: set[str] = set()
    for node in graph.node:
        if node.op_type != FOUR_BITS:
            nodes.append(node)
            continue
        given = {each.name: each.i for each in node.attribute}
        stored = [numpy_helper.to_array(weights[name]) if name else None for name in node.input[1:4]]
        integers, scales = _eight(_floats(given["K"], given["N"], given["block_size"], *stored))
        names = [f"{node.output[0]}_weights", f"{node.output[0]}_scales"]
        graph.initializer.extend(
            [numpy_helper.from_array(integers, names[0]), numpy_helper.from_array(scales, names[1])]
        )
        nodes.append(
            helper.make_node(
                EIGHT_BITS, [node.input[0], *names], list(node.output), name=node.name, domain="com.microsoft"
            )
        )
        replaced.update(name for name in node.input[1:4] if name)
    del graph.node[:]
    graph.node.extend(nodes)
    kept = [each for each in graph.initializer if each.name not in replaced]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return bytes(model.SerializeToString())


def _floats(rows: int, columns: int, block: int, packed: Any, scales: Any, zeros: Any = None) -> Any:
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


def _eight(weights: Any) -> tuple[Any, Any]:
    """Weights as integers of eight bits, with a scale for each column."""
    scales = np.abs(weights).max(axis=0) / 127
    scales[scales == 0] = 1
    integers = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
    return integers, scales.astype(np.float32)
