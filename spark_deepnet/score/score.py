"""Frames to frames of predictions, with the network built once a Python process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.errors import DataError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.rows.columns import Source
from spark_deepnet.rows.features import MISFIT, Faults, features_of
from spark_deepnet.rows.feed import fed
from spark_deepnet.rows.ragged import Ragged
from spark_deepnet.rows.table import Dense, Features
from spark_deepnet.score.output import Output

ROWS = 256  # rows at once: their values stay in the cache of a core
_KEPT = 3  # networks a process keeps


@dataclass(frozen=True)
class ScorePlan:
    """All that a scorer is told."""

    architecture: Architecture
    output: Output
    sources: tuple[Source, ...]
    invalid: str
    """error, skip or keep: what becomes of rows with null, NaN or infinite features."""
    thresholds: tuple[float, ...] | None
    digest: str
    """A hash of network and weights: the name of what is kept."""
    weights: bytes = field(repr=False)


_runners: OrderedDict[str, Runner] = OrderedDict()


def _runner(plan: ScorePlan, longest: Mapping[str, int]) -> Runner:
    """The network of a plan, with buffers for rows of so many steps at least."""
    kept = _runners.pop(plan.digest, None)
    if kept is None:
        weights = aligned(len(plan.weights) // 4)
        weights.view(np.uint8)[...] = np.frombuffer(plan.weights, np.uint8)
        kept = Runner(plan.architecture.scores_net(), weights, ROWS, training=False)
    if any(kept.net.inputs[name][0] < steps for name, steps in longest.items()):
        kept = _longer(kept, longest)
    while len(_runners) >= _KEPT:
        _runners.popitem(last=False)
    _runners[plan.digest] = kept
    return kept


def _longer(runner: Runner, longest: Mapping[str, int]) -> Runner:
    """The same network over longer sequences: the next power of two, so that it is seldom made anew."""
    shapes = dict(runner.net.inputs)
    for name, steps in longest.items():
        shapes[name] = (max(shapes[name][0], 1 << (steps - 1).bit_length()), *shapes[name][1:])
    net = runner.net.resized(shapes)
    if not runner.runs(net):
        raise DataError(
            f"transform: rows of {dict(longest)} steps, but this network is for at most "
            f"{ {name: runner.net.inputs[name][0] for name in longest} }"
        )
    return Runner(net, runner.weights, runner.capacity, training=False)


def score(plan: ScorePlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For each frame of feature columns a frame with ``valid`` and the output's columns, row by row."""
    with threadpool_limits(1):
        for frame in frames:
            yield _scored(plan, frame, Faults())


def _scored(plan: ScorePlan, frame: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    features = {source.input: features_of(frame, source, faults) for source in plan.sources}
    misfits = [what for what in faults if MISFIT in what]
    if faults and (misfits or plan.invalid == "error"):
        what = (misfits or list(faults))[0]
        hint = "" if misfits else '; handleInvalid="skip" or "keep" goes on without them'
        raise DataError(f"transform: {what} ({faults[what]:,} found){hint}")
    valid = np.ones(len(frame), bool)
    for source in plan.sources if faults else ():
        valid &= finite_rows(features[source.input]) & frame[source.columns[0]].notna().to_numpy(bool)
        _calm(features[source.input])
    longest = {name: int(f.lengths.max(initial=1)) for name, f in features.items() if isinstance(f, Ragged)}
    found, lengths = scores(_runner(plan, longest), features, len(frame))
    columns = plan.output.columns(found, plan.thresholds)
    if not valid.all():
        each = valid if lengths is None else np.repeat(valid, lengths)
        for values in columns.values():
            values[~each] = np.nan
    return pd.DataFrame({"valid": valid} | {name: _cells(values, lengths) for name, values in columns.items()})


def _cells(values: np.ndarray, lengths: np.ndarray | None) -> Any:
    """An array as a column of numbers or lists; with lengths, of lists of a row's steps."""
    if lengths is None:
        return list(values) if values.ndim > 1 else values
    rows = np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return [list(row) for row in rows] if values.ndim > 1 else rows


def scores(runner: Runner, features: Mapping[str, Features], n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The network's scores (n, units) for all rows; of a network with scores for every step (all steps, units), and how
    many steps each row has."""
    found, ends = [np.empty((0, runner.net.shape[-1]), runner.weights.dtype)], [np.empty(0, np.int64)]
    every_step = len(runner.net.shape) == 2
    for start in range(0, n, runner.capacity):
        rows = np.arange(start, min(start + runner.capacity, n))
        batch, lengths = fed(runner, features, rows)
        part = batch.forward(False, np.uint64(0), rows.astype(np.uint64), lengths)
        if every_step:
            steps = np.full(len(rows), part.shape[1]) if batch.ends is None else batch.ends
            ends.append(steps)
            found.append(part[np.arange(part.shape[1]) < steps[:, None]])
        else:
            found.append(part.copy())
    return np.concatenate(found), np.concatenate(ends) if every_step else None


def _calm(features: Features) -> None:
    """Zeros for all that is not finite: a layer that takes tokens may not see it."""
    values = features.matrix if isinstance(features, Dense) else features.values
    values[~np.isfinite(values)] = 0


def finite_rows(features: Features) -> np.ndarray:
    """(n,) bool: the rows without NaN or infinity."""
    if isinstance(features, Dense):
        return np.isfinite(features.matrix).all(1)  # type: ignore[no-any-return]
    finite = np.isfinite(features.values).all(tuple(range(1, features.values.ndim)))
    bad = np.repeat(np.arange(len(features)), np.diff(features.starts))[~finite]
    found = np.ones(len(features), bool)
    found[bad] = False
    return found
