"""Passes the lengths of rows from node to node; inputs that are joined must have equal lengths."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spark_deepnet.errors import DataError
from spark_deepnet.net.node import Node


def lengths_into(node: Node, known: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The lengths of the rows that the node reads; None: its inputs have no steps, or no padding.

    known: node or input -> (n,) int32. DataError if inputs that are joined step by step differ in a row.
    """
    lengths = {name: known[name] for name in node.inputs if name in known}
    if not lengths:
        return None
    first = next(iter(lengths.values()))
    whole = node.shape[0] if node.shape else 0
    for name, steps in zip(node.inputs, (shape[0] if shape else 0 for shape in node.input_shapes), strict=True):
        if steps == 1 < whole and name not in lengths:
            continue  # it is repeated for every step
        own = lengths.get(name, np.full_like(first, steps))
        if not np.array_equal(own, first):
            raise DataError(_unequal(node, lengths, name, own, first))
    return first


def _unequal(node: Node, lengths: Mapping[str, np.ndarray], name: str, own: np.ndarray, first: np.ndarray) -> str:
    row = int(np.flatnonzero(own != first)[0])
    first_name = next(iter(lengths))
    return (
        f"layer {node.name!r} joins its inputs step by step, but a row has {first[row]} steps in {first_name!r} and "
        f"{own[row]} in {name!r}; give both columns the same steps per row, or join values without steps, such as "
        f"pooled ones"
    )
