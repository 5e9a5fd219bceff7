"""The outputs of a graph: the columns of a model, by the rules of ``score/output.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.writers._graph import Graph
from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.plan.architecture import OutputSpec

RAW, PROBABILITY, PREDICTION = "rawPrediction", "probability", "prediction"
FLOAT = 1
"""The element type, as TensorProto numbers it."""


def columns(
    graph: Graph, head: OutputSpec, scores: str, thresholds: Sequence[float] | None
) -> dict[str, tuple[str, Shape]]:
    """Column -> (tensor, shape of a row). Classes give all three, other targets those that they have."""
    task, whole = head.loss.task, head.shape
    linked = _linked(graph, head, scores)
    if task == "regression":
        if head.units > 1:
            return {PREDICTION: (linked, whole)}
        return {PREDICTION: (graph.op("Squeeze", linked, graph.integers([-1])), whole[:-1])}
    if task == "multilabel" and head.units > 1:
        labels = graph.op("Cast", graph.op("Greater", scores, graph.constant(np.float32(0))), to=FLOAT)
        return {RAW: (scores, whole), PROBABILITY: (linked, whole), PREDICTION: (labels, whole)}
    raw, probability = scores, linked
    if head.units == 1:
        whole = (*whole[:-1], 2)
        raw = graph.op("Concat", graph.op("Neg", scores), scores, axis=-1)
        none = graph.op("Sub", graph.constant(np.float32(1)), linked)
        probability = graph.op("Concat", none, linked, axis=-1)
    made = {RAW: (raw, whole)}
    if head.loss.link is None:
        return made | {PREDICTION: (_class(graph, raw), whole[:-1])}
    decided = raw if thresholds is None else _scaled(graph, probability, thresholds)
    return made | {PROBABILITY: (probability, whole), PREDICTION: (_class(graph, decided), whole[:-1])}


def _linked(graph: Graph, head: OutputSpec, scores: str) -> str:
    link = head.loss.link
    if link is None:
        return scores
    operators: dict[str, Any] = {"softmax": "Softmax", "sigmoid": "Sigmoid", "exponential": "Exp"}
    return str(graph.op(operators[link], scores, **({"axis": -1} if link == Softmax.kind else {})))


def _class(graph: Graph, scores: str) -> str:
    """The first of the classes with the highest score, as a float: predictionCol is a double."""
    return str(graph.op("Cast", graph.op("ArgMax", scores, axis=-1, keepdims=0), to=FLOAT))


def _scaled(graph: Graph, probability: str, thresholds: Sequence[float]) -> str:
    """p / t, which is largest where t is 0 (MLlib's rule)."""
    t = np.asarray(thresholds, np.float64)
    factors = np.divide(1, t, out=np.zeros_like(t), where=t > 0)
    scaled = graph.op("Mul", probability, graph.constant(factors / max(factors.max(), 1)))
    return str(graph.op("Add", scaled, graph.constant(np.where(t > 0, 0.0, 2.0))))
