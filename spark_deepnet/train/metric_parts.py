"""Metrics of all ranks' rows: each rank measures its own, and all merge the same parts in the same order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.layers.layer import Call, Layer
from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.plan.architecture import OutputSpec
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.measure import named_metric

MERGE_BATCHES = 64
"""Batches whose parts are kept before they are merged."""
Parts = list[list[np.ndarray]]
"""By output, the merged part of each of its metrics."""


class MetricParts:
    """The parts of one rank's metrics, batch after batch."""

    def __init__(self, recipe: Recipe) -> None:
        self.heads, self.class_weights = recipe.heads(), np.array(recipe.class_weights)
        self.metrics = [recipe.metrics_of(head) for head in self.heads]
        self._batches: list[list[list[np.ndarray]]] = [[[] for _ in each] for each in self.metrics]

    def add(self, k: int, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
        """Measure rows of the k-th output; weights: (n,) float64, times those of the classes."""
        weights = self._without_class_weights(weights, targets)
        real = weights > 0
        rows = _scored(self.heads[k], scores[real], targets[real], weights[real])
        for metric, batches in zip(self.metrics[k], self._batches[k], strict=True):
            batches.append(metric.part(rows))
            if len(batches) >= MERGE_BATCHES:
                batches[:] = [metric.merged(batches)]

    def _without_class_weights(self, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Metrics count every class alike; rows of a class of weight 0 count for nothing."""
        if not len(self.class_weights):
            return weights
        labels = targets if targets.ndim == 1 else (targets[:, 0] > 0.5).astype(np.int64)
        factors = self.class_weights[labels]
        return np.divide(weights, factors, out=np.zeros(len(weights)), where=factors > 0)

    def parts(self) -> Parts:
        return [
            [metric.merged(each) for metric, each in zip(metrics, batches, strict=True) if each]
            for metrics, batches in zip(self.metrics, self._batches, strict=True)
        ]


def _scored(head: OutputSpec, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> ScoredRows:
    linked = scores
    if head.loss.link is not None:
        linked = np.empty_like(scores)
        Layer.of(head.loss.link).forward({}, np.ascontiguousarray(scores), linked, Call())
    wide = targets.astype(np.int64 if targets.ndim == 1 else np.float64)
    return ScoredRows(head.loss.task, scores.astype(np.float64), linked.astype(np.float64), wide, weights)


def values(recipe: Recipe, ranks: Sequence[Parts], of: str) -> dict[str, float]:
    """Every metric by its name in the history, from the parts of all ranks in their order; of: the rows measured."""
    heads, named = recipe.heads(), {}
    for k, head in enumerate(heads):
        for m, metric in enumerate(recipe.metrics_of(head)):
            parts = [rank[k][m] for rank in ranks if rank[k]]
            value = metric.value(metric.merged(parts)) if parts else float("nan")
            named[named_metric(heads, head, metric.name, of)] = value
    return named


def gathered(parts: Parts, channel: Channel) -> list[Parts]:
    """The parts of all ranks."""
    blobs = all_gather_bytes(channel, json.dumps(packed(parts)).encode())
    return [unpacked(json.loads(blob)) for blob in blobs]


def packed(parts: Parts) -> list[Any]:
    """As JSON values."""
    return [[[each.shape, base64.b64encode(each.tobytes()).decode()] for each in own] for own in parts]


def unpacked(values: Iterable[Any]) -> Parts:
    """From JSON values."""
    return [[np.frombuffer(base64.b64decode(data)).reshape(shape) for shape, data in own] for own in values]
