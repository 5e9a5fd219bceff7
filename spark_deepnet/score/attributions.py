"""Integrated gradients: how much each feature of a row adds to a score (Sundararajan, Taly, Yan, ICML 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.feed import fill_batch
from spark_deepnet.data.table import Features
from spark_deepnet.net.batch import Batch, Lengths
from spark_deepnet.net.buffers import buffer_bytes
from spark_deepnet.net.run import Runner
from spark_deepnet.score.score import (
    BATCH_ROWS,
    MAX_VALUE_BYTES,
    ScorePlan,
    Scores,
    column_of,
    drop_unsound,
    joined_scores,
    long_enough,
    read,
    refuse,
    scores_of,
    value_name,
    weights_of,
)


@dataclass(frozen=True)
class Attributions:
    """a_i = (x_i - b_i) integral_0^1 dF/dx_i(b + t (x - b)) dt,   sum_i a_i = F(x) - F(b)

    x: a row's features, b: the baseline, F: the score of the target. The integral is a Gauss-Legendre sum over ``steps``
    points."""

    inputs: tuple[str, ...]
    """Those that get attributions; the others stay as they are."""
    by_step: tuple[bool, ...]
    """Of each, whether its rows are sequences."""
    baselines: Mapping[str, np.ndarray]
    """Input -> b, as it is broadcast over rows."""
    output: int
    target: int | None
    """The score; None: of each row the largest one."""
    binary: bool
    """Whether a single score stands for class 1, and its negative for class 0."""
    steps: int

    def frames(self, plan: ScorePlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """For each frame of feature columns ``valid`` and a column for each input, named as a layer's values are."""
        runner = self._runner(plan)
        with threadpool_limits(1):
            for frame in frames:
                faults = Faults()
                features, valid = read(plan, frame, faults)
                refuse(plan, faults)
                runner = long_enough(runner, features)
                inputs = self._of_rows(runner, features, len(frame))
                for values, lengths in inputs:
                    drop_unsound(valid, np.asarray(np.isfinite(values).all(1)), lengths)
                columns = {value_name(k): column_of(*each, valid) for k, each in enumerate(inputs)}
                yield pd.DataFrame({"valid": valid, **columns})

    def _runner(self, plan: ScorePlan) -> Runner:
        net = plan.wanted.net()
        rows = max(1, min(BATCH_ROWS, MAX_VALUE_BYTES // max(1, buffer_bytes(net).total())))
        return Runner(net, weights_of(plan), rows, of_inputs=True)

    def _of_rows(self, runner: Runner, features: Mapping[str, Features], n: int) -> list[Scores]:
        """Of each input the attributions of all rows."""
        parts: list[list[Scores]] = [[] for _ in self.inputs]
        for start in range(0, max(1, n), runner.capacity):
            rows = np.arange(start, min(start + runner.capacity, n))
            batch, lengths = fill_batch(runner, features, rows)
            for k, (name, values) in enumerate(self._of_batch(batch, lengths, rows).items()):
                parts[k].append(scores_of(values, lengths.get(name), len(rows), self.by_step[k]))
        return [joined_scores(own) for own in parts]

    def _of_batch(self, batch: Batch, lengths: Lengths, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Input -> attributions, of the rows in the batch's feed."""
        ends = {name: batch.feed[name].copy() for name in self.inputs}
        starts = {name: _beside(self.baselines[name], x, lengths.get(name)) for name, x in ends.items()}
        sums = {name: np.zeros(x.shape, np.float64) for name, x in ends.items()}
        scores = self._scores(batch, lengths, rows).copy()
        targets = self._targets(scores)
        points, shares = np.polynomial.legendre.leggauss(self.steps)
        for t, share in zip((points + 1) / 2, shares / 2, strict=True):
            for name, x in ends.items():
                batch.feed[name][...] = starts[name] + np.float32(t) * (x - starts[name])
            self._scores(batch, lengths, rows)
            for out in batch.outputs:
                assert out.dy is not None
                out.dy[...] = 0
            gradient = batch.outputs[self.output].dy
            assert gradient is not None
            gradient[np.arange(len(rows)), targets] = 1
            batch.backward()
            for name, total in sums.items():
                total += share * batch.input_gradient(name)
        signs = self._signs(scores)
        return {
            name: ((x - starts[name]) * sums[name] * signs.reshape(-1, *[1] * (x.ndim - 1))).astype(np.float32)
            for name, x in ends.items()
        }

    def _scores(self, batch: Batch, lengths: Lengths, rows: np.ndarray) -> np.ndarray:
        """(n, units) of the output."""
        batch.forward(False, np.uint64(0), rows.astype(np.uint64), lengths)
        return batch.outputs[self.output].y

    def _targets(self, scores: np.ndarray) -> np.ndarray:
        """(n,): which score of each row."""
        if scores.shape[1] == 1 or self.target is None:
            return scores.argmax(1)
        return np.full(len(scores), self.target)

    def _signs(self, scores: np.ndarray) -> np.ndarray:
        """(n,): -1 for class 0 where a single score is class 1's."""
        if not self.binary:
            return np.ones(len(scores))
        classes = scores[:, 0] > 0 if self.target is None else np.full(len(scores), self.target)
        return np.where(classes, 1.0, -1.0)


def _beside(baseline: np.ndarray, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """The baseline of each row, (n, ...); 0 beyond the rows' lengths, as the rows have it."""
    start = np.broadcast_to(baseline.astype(np.float32), x.shape).copy()
    if lengths is not None:
        start[np.arange(x.shape[1]) >= lengths[:, None]] = 0
    return start
