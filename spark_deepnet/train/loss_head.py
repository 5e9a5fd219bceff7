"""How good the scores of one output are, whole or cut over blocks, and the gradient that its loss sends back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import IGNORED
from spark_deepnet.data.table import Table
from spark_deepnet.errors import DataError
from spark_deepnet.layers._split_loss import SplitLoss
from spark_deepnet.losses.loss import PartialStats
from spark_deepnet.net.batch import Batch, NodeCall
from spark_deepnet.net.node import Node
from spark_deepnet.plan.architecture import OutputSpec
from spark_deepnet.train.metric_parts import MetricParts


class LossHead:
    """Measures batches of one output, whose scores the node ``top`` gives."""

    def __init__(
        self, head: OutputSpec, top: Node, first: bool, factor: np.ndarray | None = None, has_objective: bool = False
    ) -> None:
        """first: whether this is the first block, which counts what all have measured alike; factor: of the gradient of
        each score; has_objective: whether what the gradients are those of is measured too."""
        self.head, self.metric, self.factor = head, head.metric, factor
        self.has_objective, self.objective = has_objective, 0.0
        self.cut = top.layer if isinstance(top.layer, SplitLoss) else None
        self.counts = first or self.cut is not None

    def part(self, loss: float, metric: float) -> tuple[float, float]:
        """What this block adds to the measures, so that the blocks together have them once."""
        return (loss, metric) if self.counts else (0.0, 0.0)

    def measured(
        self,
        batch: Batch,
        k: int,
        table: Table,
        rows: np.ndarray,
        scale: float,
        parts: MetricParts | None = None,
    ) -> tuple[float, float]:
        """The weighted sums of loss and metric, of this block's entries where the scores are cut; batch: the output is
        its k-th. Leaves the gradient of the output's part of the whole loss where backward reads it. parts: to which the
        rows' metrics are added."""
        out, targets = batch.outputs[k], table.targets[k]
        assert out.dy is not None
        weights = table.weights[rows] * scale
        if isinstance(targets, Ragged):
            _check_steps(out.ends, targets.lengths[rows], self.head.name)
            chosen, weights = each_step(targets, rows, weights, out.y.shape[1])
        else:
            chosen = targets[rows]
        chosen, weights = without_ignored(chosen, weights)
        scores, gradient = (a.reshape(len(weights), a.shape[-1]) for a in (out.y, out.dy))
        if parts is not None:
            parts.add(k, scores, chosen, weights)
        weights = weights.astype(np.float32)
        if self.cut is None:
            loss = self.head.loss.measure(scores, chosen, weights, gradient)
            metric = self.metric.sum(scores, chosen, weights)
        else:
            loss, metric = self._of_entries(self.cut, batch.tops[k], scores, chosen, weights, gradient)
        if self.has_objective:
            self.objective = self.head.weight * self._scaled(loss, scores, chosen, weights)
        if self.factor is not None:
            gradient *= self.factor
        if self.head.weight != 1:
            gradient *= np.float32(self.head.weight)
        return loss, metric

    def _scaled(self, loss: float, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
        """The loss, with the term of each score multiplied by its factor, as its gradient is."""
        if self.factor is None:
            return loss
        if (self.factor == self.factor[0]).all():
            return loss * float(self.factor[0])
        unused, terms = np.empty((len(weights), 1), scores.dtype), []
        for k in range(len(self.factor)):
            column, wanted = (np.ascontiguousarray(a[:, k : k + 1]) for a in (scores, targets))
            terms.append(self.head.loss.measure(column, wanted, weights, unused))
        whole = sum(terms)  # as many times the loss as there are scores, where it is their mean
        return float(self.factor @ np.array(terms)) * loss / whole if whole else 0.0

    def _of_entries(
        self,
        cut: SplitLoss,
        top: NodeCall,
        scores: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        gradient: np.ndarray,
    ) -> tuple[float, float]:
        """The same of this block's entries of the scores, once the blocks have exchanged their statistics."""
        loss, numbers = self.head.loss, cut.stats(top.call)
        of_loss, of_metric = numbers[:, : loss.num_stats], numbers[:, loss.num_stats :]
        if targets.ndim == 2:
            targets = np.take(targets, cut.own, 1)
        loss.write_stats(scores, of_loss[cut.block], gradient)
        if loss.task == "classification":
            loss.write_label_stats(scores, cut.places[targets], of_loss[cut.block], gradient)
        self.metric.write_stats(scores, targets, cut.own, of_metric[cut.block])
        cut.exchange_stats(top.call)
        stats = PartialStats(of_loss, cut.block, cut.own, cut.places)
        metric = self.metric.sum_part(scores, targets, weights, replace(stats, numbers=of_metric))
        return loss.measure_part(scores, targets, weights, gradient, stats), metric


def _check_steps(ends: np.ndarray | None, targets: np.ndarray, output: str) -> None:
    """Raise a DataError unless every row has scores for as many steps as it has targets."""
    if ends is None or np.array_equal(ends, targets):
        return
    row = int(np.flatnonzero(ends != targets)[0])
    where = f"output {output!r}" if output else "layers"
    raise DataError(
        f"{where}: a row of {targets[row]} targets gets scores for {ends[row]} steps; "
        f"end the network in layers that keep the number of steps, such as Conv1D with padding='same'"
    )


def without_ignored(targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights, with label 0 and weight 0 for labels that are IGNORED."""
    if targets.dtype != np.int32 or not (ignored := targets == IGNORED).any():
        return targets, weights
    return np.where(ignored, np.int32(0), targets), np.where(ignored, 0, weights)


def each_step(targets: Ragged, rows: np.ndarray, weights: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights of every step of these rows, padded to ``steps`` steps with weight 0."""
    padded = np.zeros((len(rows), steps, *targets.values.shape[1:]), targets.values.dtype)
    targets.take(rows, padded)
    real = np.arange(steps) < targets.lengths[rows][:, None]
    return padded.reshape(len(rows) * steps, *padded.shape[2:]), (real * weights[:, None]).reshape(-1)
