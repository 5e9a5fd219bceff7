"""Scores frames layer by layer: only one layer's weights are held at a time, for many rows at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import prod

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Features, joined_features
from spark_deepnet.layers.layer import Arrays, Call, rows_of
from spark_deepnet.net.batch import Batch
from spark_deepnet.net.buffers import Buffers
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.run import Runner
from spark_deepnet.net.tokens import token_inputs
from spark_deepnet.score.score import (
    BATCH_ROWS,
    ScorePlan,
    Scores,
    cells,
    joined_scores,
    long_enough,
    picked,
    read,
    refuse,
    refuse_scores,
    scores_of,
)

MAX_VALUE_BYTES = 64 << 20
"""Maximum bytes of the largest value, or dense input, of all rows that go through the network together."""
Weights = Callable[[str], Arrays]
"""Node -> its arrays by their own names."""


def score_streamed(plan: ScorePlan, weights: Weights, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Score each frame as ``score`` does. Weights are loaded once for each group of rows."""
    net = plan.wanted.net()
    shapes = [*net.inputs.values(), *(node.shape for node in net.nodes)]
    most = max(1, MAX_VALUE_BYTES // (4 * max(map(prod, shapes))))
    with threadpool_limits(1):
        for group in _groups(frames, most):
            faults: Faults = Counter()
            inputs = [read(plan, frame, faults) for frame in group]
            refuse(plan, faults)
            features = {name: joined_features([own[name] for own, _ in inputs]) for name in inputs[0][0]}
            scored = _all_scores(plan, net, features, sum(map(len, group)), most, weights)
            refuse_scores(plan, scored)
            start = 0
            for frame, (_, valid) in zip(group, inputs, strict=True):
                rows = np.arange(start, start + len(frame))
                yield cells(plan, [picked(each, rows) for each in scored], valid)
                start += len(frame)


def _groups(frames: Iterator[pd.DataFrame], most: int) -> Iterator[list[pd.DataFrame]]:
    """Groups of frames that together have at least ``most`` rows, except the last group."""
    group: list[pd.DataFrame] = []
    for frame in frames:
        group.append(frame)
        if sum(map(len, group)) >= most:
            yield group
            group = []
    if group:
        yield group


def _all_scores(
    plan: ScorePlan, net: Net, features: Mapping[str, Features], n: int, most: int, weights: Weights
) -> list[Scores]:
    parts = []
    for start in range(0, max(1, n), most):
        rows = np.arange(start, min(start + most, n))
        picked_features = {name: rows_of_input.picked(rows) for name, rows_of_input in features.items()}
        parts.append(streamed(plan, net, picked_features, len(rows), weights))
    return [joined_scores(list(each)) for each in zip(*parts, strict=True)]


def streamed(plan: ScorePlan, net: Net, features: Mapping[str, Features], n: int, weights: Weights) -> list[Scores]:
    """Each output's scores of n rows, then each value's numbers."""
    net = long_enough(Runner(net, np.zeros(0, np.float32), 1, training=False), features).net
    tokens = token_inputs(net)
    values = {
        name: _input(rows_of_input, n, net.inputs[name], np.int32 if name in tokens else np.float32)
        for name, rows_of_input in features.items()
    }
    lengths = {
        name: rows_of_input.lengths for name, rows_of_input in features.items() if isinstance(rows_of_input, Ragged)
    }
    wanted = Counter(name for node in net.nodes for name in node.inputs) + Counter(out.name for out in net.outputs)
    for node in net.nodes:
        arrays = weights(node.owner) if node.weights() else {}
        values[node.name] = _through(node, arrays, values, lengths, n)
        wanted.subtract(node.inputs)
        for name in set(node.inputs):
            if not wanted[name]:
                del values[name]
    return [
        scores_of(values[out.name], lengths.get(out.name), n, steps)
        for out, steps in zip(net.outputs, plan.by_step, strict=True)
    ]


def _input(features: Features, n: int, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    out = np.zeros((n, *shape), dtype)
    features.take(np.arange(n), out if isinstance(features, Ragged) else rows_of(out, shape))
    return out


def _through(
    node: Node, arrays: Arrays, values: Mapping[str, np.ndarray], lengths: dict[str, np.ndarray], n: int
) -> np.ndarray:
    """One node's output for all rows; its lengths are added to ``lengths``."""
    alone = Net(dict(zip(node.inputs, node.input_shapes, strict=True)), (node,))
    tokens = [name for name in node.inputs if values[name].dtype == np.int32]
    buffers, y = Buffers(alone, min(n, BATCH_ROWS), np.float32, False, tokens), np.empty((n, *node.shape), np.float32)
    ends: list[np.ndarray] = []
    for start in range(0, n, BATCH_ROWS):
        rows = slice(start, min(start + BATCH_ROWS, n))
        batch = Batch(alone, rows.stop - start, buffers, {node.owner: arrays}, None, Call())
        for name in alone.inputs:
            batch.feed[name][...] = values[name][rows]
        known = {name: lengths[name][rows] for name in alone.inputs if name in lengths}
        y[rows] = batch.forward(False, np.uint64(0), np.arange(batch.n, dtype=np.uint64), known)
        if batch.outputs[0].ends is not None:
            ends.append(batch.outputs[0].ends)
    if ends:
        lengths[node.name] = np.concatenate(ends)
    return y
