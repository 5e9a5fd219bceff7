"""Frames to frames of predictions, with the network built once a Python process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.errors import DataError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.rows.columns import Columns
from spark_deepnet.rows.decode import Faults, features_of
from spark_deepnet.rows.table import Dense, Sparse
from spark_deepnet.score.output import Output

ROWS = 256  # rows at once: their values stay in the cache of a core
_KEPT = 3  # networks a process keeps


@dataclass(frozen=True)
class ScorePlan:
    """All that a scorer is told."""

    architecture: Architecture
    output: Output
    columns: Columns
    invalid: str
    """error, skip or keep: what becomes of rows with null, NaN or infinite features."""
    thresholds: tuple[float, ...] | None
    digest: str
    """A hash of network and weights: the name of what is kept."""
    weights: bytes = field(repr=False)


_runners: OrderedDict[str, Runner] = OrderedDict()


def _runner(plan: ScorePlan) -> Runner:
    if plan.digest not in _runners:
        while len(_runners) >= _KEPT:
            _runners.popitem(last=False)
        weights = aligned(len(plan.weights) // 4)
        weights.view(np.uint8)[...] = np.frombuffer(plan.weights, np.uint8)
        _runners[plan.digest] = Runner(plan.architecture.scores_net(), weights, ROWS, training=False)
    _runners.move_to_end(plan.digest)
    return _runners[plan.digest]


def score(plan: ScorePlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For each frame of feature columns a frame with ``valid`` and the output's columns, row by row."""
    with threadpool_limits(1):
        for frame in frames:
            yield _scored(plan, frame, Faults())


def _scored(plan: ScorePlan, frame: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    features = features_of(frame, plan.columns, faults)
    misfits = [what for what in faults if "of length" in what]
    if faults and (misfits or plan.invalid == "error"):
        what = (misfits or list(faults))[0]
        hint = "" if misfits else '; handleInvalid="skip" or "keep" goes on without them'
        raise DataError(f"transform: {what} ({faults[what]:,} found){hint}")
    columns = plan.output.columns(scores(_runner(plan), features), plan.thresholds)
    valid = np.ones(len(frame), bool) if not faults else finite_rows(features)
    if not valid.all():
        for values in columns.values():
            values[~valid] = np.nan
    out = {name: list(values) if values.ndim > 1 else values for name, values in columns.items()}
    return pd.DataFrame({"valid": valid} | out)


def scores(runner: Runner, features: Dense | Sparse) -> np.ndarray:
    """(n, units): the network's scores for all rows."""
    found = np.empty((len(features), runner.net.shape[-1]), runner.weights.dtype)
    for start in range(0, len(features), runner.capacity):
        rows = np.arange(start, min(start + runner.capacity, len(features)))
        features.take(rows, runner.feed(len(rows))[INPUT].reshape(len(rows), -1))
        found[start : start + len(rows)] = runner.forward(len(rows))
    return found


def finite_rows(features: Dense | Sparse) -> np.ndarray:
    """(n,) bool: the rows without NaN or infinity."""
    if isinstance(features, Dense):
        return np.isfinite(features.matrix).all(1)  # type: ignore[no-any-return]
    bad = np.repeat(np.arange(len(features)), np.diff(features.starts))[~np.isfinite(features.values)]
    found = np.ones(len(features), bool)
    found[bad] = False
    return found
