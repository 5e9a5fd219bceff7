"""Gather in a constant matrix: the vectors of tokens."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers.reshape import shaped
from spark_deepnet.formats.onnx.values import Tensor, Tokens
from spark_deepnet.layers.embedding import Embedding


def looked_up(node: Node) -> Tensor:
    """An Embedding of whole numbers of every row."""
    table, known = node.numbers(0, "data"), node.inputs[1]
    if isinstance(known, Tokens):
        table, x = _table_of(node, table, known), known.x
    else:
        x = node.tensor(1, integer=True)
    if table.ndim != 2 or int(node.attr("axis")) != 0 or x.rows or not x.integer:
        raise node.refusal(
            f"it looks up {x} in a constant of shape {table.shape}; expected whole numbers (N, ...) and a matrix"
        )
    layer = Embedding(table.shape[0], table.shape[1])
    value = node.add(layer, node.in_file_order(x), weights={"E": np.asarray(table, np.float32)})
    return shaped(node, Tensor(value, 0), (table.shape[1],), 0) if x.single else Tensor(value, 0)


def _table_of(node: Node, table: np.ndarray, known: Tokens) -> np.ndarray:
    """The rows for the tokens that a table has; all others count as zeros."""
    if not 0 < known.end <= len(table) or not 0 <= known.instead < len(table) or np.any(table[known.instead]):
        raise node.refusal("tokens that the table does not have become something else than zeros, which is not read")
    return table[: known.end]
