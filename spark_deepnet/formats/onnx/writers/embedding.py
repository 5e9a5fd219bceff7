"""Embedding."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step

INT64 = 7
"""The element type, as TensorProto numbers it."""


@writes("embedding", to="Gather")
def embedding(step: Step) -> str:
    """A row of zeros is added to the table, for tokens that it does not have"""
    x, E = step.held(), step.w["E"]
    least, end, none = np.int64(0), np.int64(len(E)), step.constant(np.int64(len(E)))
    if x not in step.graph.whole:
        least, end, none = np.float32(-0.5), np.float32(len(E) - 0.5), step.constant(np.float32(len(E)))  # type: ignore[assignment]
    known = step.op("And", step.op("GreaterOrEqual", x, step.constant(least)), step.op("Less", x, step.constant(end)))
    tokens = step.op("Where", known, x, none)
    if x not in step.graph.whole:
        tokens = step.op("Cast", step.op("Floor", step.op("Add", tokens, step.constant(np.float32(0.5)))), to=INT64)
    table = step.constant(np.concatenate((E, np.zeros_like(E[:1]))), "E")
    y = step.op("Gather", table, tokens, axis=0)
    return step.op("Add", y, step.constant(step.w["b"], "b")) if "b" in step.w else y
