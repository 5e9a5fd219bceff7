"""Scores frames; the network is built once per Python process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.decode.features import MISFIT_MARK, Faults, features_of
from spark_deepnet.data.decode.missing import known, rows_with_features
from spark_deepnet.data.feed import fill_batch
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import Source
from spark_deepnet.data.table import Dense, Features
from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.score.output import Output

BATCH_ROWS = 256  # their values stay in a core's cache
_MAX_RUNNERS = 3  # networks that a process keeps
MAX_EXTRA_STEPS = 64
"""Maximum number of steps beyond the longest row that are tried when a network is resized."""


@dataclass(frozen=True)
class ScorePlan:
    """Everything that a scorer is sent."""

    architecture: Architecture
    outputs: tuple[Output, ...]
    sources: tuple[Source, ...]
    invalid: str
    """error, skip or keep: what happens to rows with null, NaN or infinite features."""
    thresholds: tuple[float, ...] | None
    """The first output's thresholds."""
    digest: str
    """A hash of network and weights: the key of a kept network."""
    weights: bytes = field(repr=False)


_runners: OrderedDict[str, Runner] = OrderedDict()


def _runner(plan: ScorePlan, features: Mapping[str, Features]) -> Runner:
    """The plan's network, with buffers long enough for these rows."""
    kept = _runners.pop(plan.digest, None)
    if kept is None:
        weights = aligned(len(plan.weights) // 4)
        weights.view(np.uint8)[...] = np.frombuffer(plan.weights, np.uint8)
        kept = Runner(plan.architecture.scores_net(), weights, BATCH_ROWS, training=False)
    kept = long_enough(kept, features)
    while len(_runners) >= _MAX_RUNNERS:
        _runners.popitem(last=False)
    _runners[plan.digest] = kept
    return kept


def long_enough(runner: Runner, features: Mapping[str, Features]) -> Runner:
    """The network with buffers at least as long as these rows."""
    longest = {name: int(f.lengths.max(initial=1)) for name, f in features.items() if isinstance(f, Ragged)}
    short = any(runner.net.inputs[name][0] < steps for name, steps in longest.items())
    return _longer(runner, longest) if short else runner


def _longer(runner: Runner, longest: Mapping[str, int]) -> Runner:
    """The same network over longer sequences: the next power of two of steps, so that it is seldom rebuilt, or the next
    number that its layers accept."""
    inputs = runner.net.inputs
    powers = {name: 1 << (steps - 1).bit_length() for name, steps in longest.items()}
    nexts = ({name: steps + more for name, steps in longest.items()} for more in range(MAX_EXTRA_STEPS))
    for steps in (powers, *nexts):
        longer = {name: (max(inputs[name][0], n), *inputs[name][1:]) for name, n in steps.items()}
        try:
            net = runner.net.resized({**inputs, **longer})
        except NetworkError:  # for example more positions than a layer knows
            continue
        if runner.runs(net):
            return Runner(net, runner.weights, runner.capacity, training=False, blocks=runner.blocks)
    raise DataError(
        f"transform: rows of {dict(longest)} steps, but this network is for at most "
        f"{ {name: inputs[name][0] for name in longest} }"
    )


def score(plan: ScorePlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For each frame of feature columns, return a frame with ``valid`` and the outputs' columns, named by
    ``part_name``."""
    with threadpool_limits(1):
        for frame in frames:
            yield _scored(plan, frame, Faults())


def _scored(plan: ScorePlan, frame: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    features, valid = read(plan, frame, faults)
    refuse(plan, faults)
    scored = scores(_runner(plan, features), features, len(frame))
    refuse_scores(plan, scored)
    return cells(plan, scored, valid)


def read(plan: ScorePlan, frame: pd.DataFrame, faults: Faults) -> tuple[dict[str, Features], np.ndarray]:
    """The features by input, all finite, and the mask of rows that can be scored."""
    features = {source.input: features_of(frame, source, faults) for source in plan.sources}
    valid = np.ones(len(frame), bool)
    for source in plan.sources if faults else ():
        valid &= rows_with_features(features[source.input], frame, source)
        _calm(features[source.input])
    return features, valid


def refuse(plan: ScorePlan, faults: Faults) -> None:
    """Raise for faulty rows, unless they are to be skipped or kept."""
    misfits = [what for what in faults if MISFIT_MARK in what]
    if faults and (misfits or plan.invalid == "error"):
        what = (misfits or list(faults))[0]
        hint = "" if misfits else '; use handleInvalid="skip" or "keep" to continue without them'
        raise DataError(f"transform: {what} ({faults[what]:,} found){hint}")


def refuse_scores(plan: ScorePlan, scored: Sequence[Scores]) -> None:
    """Raise if a score is not finite, unless such rows are to be skipped or kept."""
    wrong = 0
    for output, (values, _) in zip(plan.outputs, scored, strict=True):
        wrong += len(values) - int(output.sound(values).sum())
    if wrong and plan.invalid == "error":
        raise DataError(
            f"transform: scores that are NaN or infinite ({wrong:,} found), though the features are finite: they are too "
            f'large for the network, or its weights are; use handleInvalid="skip" or "keep" to continue without these rows'
        )


def _sound(plan: ScorePlan, scored: Sequence[Scores], valid: np.ndarray) -> np.ndarray:
    """(n,) bool: the valid rows whose scores are all finite."""
    valid = valid.copy()
    for output, (values, lengths) in zip(plan.outputs, scored, strict=True):
        sound = output.sound(values)
        rows = np.arange(len(valid)) if lengths is None else np.repeat(np.arange(len(valid)), lengths)
        valid[rows[~sound]] = False
    return valid


def cells(plan: ScorePlan, scored: Sequence[Scores], valid: np.ndarray) -> pd.DataFrame:
    """The columns for rows with these scores."""
    valid = _sound(plan, scored, valid)
    cells: dict[str, Any] = {"valid": valid}
    for k, (raw, lengths) in enumerate(scored):
        columns = plan.outputs[k].columns(raw, None if k else plan.thresholds)
        if not valid.all():
            each = valid if lengths is None else np.repeat(valid, lengths)
            for values in columns.values():
                values[~each] = np.nan
        cells |= {part_name(part, k): _cells(values, lengths) for part, values in columns.items()}
    return pd.DataFrame(cells)


def part_name(part: str, k: int) -> str:
    """The column name of a part of the k-th output; the first output's columns have the part's own name."""
    return f"{part}{k}" if k else part


def _cells(values: np.ndarray, lengths: np.ndarray | None) -> Any:
    """An array as a column of numbers or lists; with lengths, as lists of each row's steps."""
    if lengths is None:
        return list(values) if values.ndim > 1 else values
    rows = np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return [list(row) for row in rows] if values.ndim > 1 else rows


Scores = tuple[np.ndarray, np.ndarray | None]
"""(n, units) for all rows; if every step has scores, (all steps, units) and the number of steps of each row."""


def scores(runner: Runner, features: Mapping[str, Features], n: int) -> list[Scores]:
    """Each output's scores."""
    outputs = runner.batch(0, sparse=runner.sparse).outputs
    parts_by_output: list[list[Scores]] = [[scores_of(out.y, out.ends, 0)] for out in outputs]
    for start in range(0, n, runner.capacity):
        rows = np.arange(start, min(start + runner.capacity, n))
        batch, lengths = fill_batch(runner, features, rows)
        batch.forward(False, np.uint64(0), rows.astype(np.uint64), lengths)
        for parts, out in zip(parts_by_output, batch.outputs, strict=True):
            parts.append(scores_of(out.y, out.ends, len(rows)))
    return [joined_scores(parts) for parts in parts_by_output]


def scores_of(y: np.ndarray, ends: np.ndarray | None, n: int) -> Scores:
    """One output's scores of n rows; ends: their lengths, if every step has scores."""
    if y.ndim == 2:
        return y.copy(), None
    steps = np.full(n, y.shape[1]) if ends is None else ends
    return y[np.arange(y.shape[1]) < steps[:, None]], steps


def joined_scores(parts: list[Scores]) -> Scores:
    lengths = [lengths for _, lengths in parts if lengths is not None]
    return np.concatenate([values for values, _ in parts]), np.concatenate(lengths) if lengths else None


def picked(scored: Scores, rows: np.ndarray) -> Scores:
    """The scores of some consecutive rows."""
    values, lengths = scored
    if lengths is None:
        return values[rows], None
    ends = np.concatenate(([0], np.cumsum(lengths)))
    return values[ends[rows[:1]].sum() : ends[rows[-1:] + 1].sum()], lengths[rows]


def _calm(features: Features) -> None:
    """Replace missing values by zeros."""
    values = features.matrix if isinstance(features, Dense) else features.values
    values[~known(values)] = 0
