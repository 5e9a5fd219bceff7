"""Scores frames; the network is built once per Python process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
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
from spark_deepnet.net.buffers import scoring_bytes
from spark_deepnet.net.net import Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.seen import sparse_readers
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.score.output import Output
from spark_deepnet.score.values import LayerValue, Wanted

BATCH_ROWS = 256  # their values stay in a core's cache
MAX_VALUE_BYTES = 64 << 20
"""Maximum bytes of the values of all rows that go through the network at once, and of the features of those that are
decoded at once."""
_MAX_RUNNERS = 3  # networks that a process keeps
MAX_EXTRA_STEPS = 64
"""Maximum number of steps beyond the longest row that are tried when a network is resized."""


@dataclass(frozen=True)
class ScorePlan:
    """Everything that a scorer is sent."""

    architecture: Architecture
    outputs: tuple[Output, ...]
    """None where the scores are not wanted."""
    sources: tuple[Source, ...]
    invalid: str
    """error, skip or keep: what happens to rows with null, NaN or infinite features."""
    thresholds: tuple[float, ...] | None
    """The first output's thresholds."""
    digest: str
    """A hash of network, weights and what is wanted: the key of a kept network."""
    weights: bytes = field(repr=False)
    values: tuple[LayerValue, ...] = ()
    """Columns of layers' values, behind those of the outputs."""

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.architecture, bool(self.outputs), tuple(value.node for value in self.values))

    def sparse(self, net: Net) -> list[str]:
        """The inputs whose rows are assumed to stay sparse, before any is read."""
        readers = sparse_readers(net)
        return [source.input for source in self.sources if source.wide and source.input in readers]

    @property
    def by_step(self) -> tuple[bool, ...]:
        """Whether each step of a row has numbers of its own: of each output, then of each value."""
        return (*(output.steps for output in self.outputs), *(value.steps for value in self.values))


_runners: OrderedDict[str, Runner] = OrderedDict()


def _runner(plan: ScorePlan, features: Mapping[str, Features]) -> Runner:
    """The plan's network, with buffers long enough for these rows."""
    kept = _runners.pop(plan.digest, None)
    if kept is None:
        net = plan.wanted.net()
        kept = Runner(net, weights_of(plan), rows_at_once(net, plan.sparse(net)), training=False)
    kept = long_enough(kept, features)
    while len(_runners) >= _MAX_RUNNERS:
        _runners.popitem(last=False)
    _runners[plan.digest] = kept
    return kept


def weights_of(plan: ScorePlan) -> np.ndarray:
    """The flat vector of the plan's weights."""
    weights = aligned(len(plan.weights) // 4)
    weights.view(np.uint8)[...] = np.frombuffer(plan.weights, np.uint8)
    return weights


def rows_at_once(net: Net, sparse: Collection[str] = (), limit: int = MAX_VALUE_BYTES) -> int:
    """Rows that go through the network at once: as many as have ``limit`` bytes of values, 1 to 256. sparse: inputs that
    are fed as sparse rows."""
    return max(1, min(BATCH_ROWS, limit // max(1, scoring_bytes(net, sparse))))


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
            rows = runner.capacity  # blocks exchange the values of the same rows
            if runner.blocks is None:
                rows = min(rows, rows_at_once(net, runner.sparse))
            return Runner(net, runner.weights, rows, training=False, blocks=runner.blocks)
    raise DataError(
        f"transform: rows of {dict(longest)} steps, but this network is for at most "
        f"{ {name: inputs[name][0] for name in longest} }"
    )


def score(plan: ScorePlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For each frame of feature columns, return a frame with ``valid`` and the outputs' columns, named by
    ``part_name``."""
    with threadpool_limits(1):
        for frame in frames:
            parts = [_scored(plan, part, Faults()) for part in _parts(plan, frame)]
            yield parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _parts(plan: ScorePlan, frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The frame's rows, as many at a time as have MAX_VALUE_BYTES of dense features: whole batches of BATCH_ROWS."""
    row = sum(np.dtype(source.held_as).itemsize * source.width for source in plan.sources if not source.wide)
    rows = BATCH_ROWS * max(1, MAX_VALUE_BYTES // max(1, BATCH_ROWS * row))
    for start in range(0, max(1, len(frame)), rows):
        yield frame.iloc[start : start + rows]


def _scored(plan: ScorePlan, frame: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    features, valid = read(plan, frame, faults)
    refuse(plan, faults)
    scored = scores(plan, _runner(plan, features), features, len(frame))
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
    """Raise if a score, or a layer's value, is not finite, unless such rows are to be skipped or kept."""
    wrong = sum(int((~sound).sum()) for sound, _ in _sound_parts(plan, scored))
    if wrong and plan.invalid == "error":
        raise DataError(
            f"transform: scores that are NaN or infinite ({wrong:,} found), though the features are finite: they are too "
            f'large for the network, or its weights are; use handleInvalid="skip" or "keep" to continue without these rows'
        )


def _sound(plan: ScorePlan, scored: Sequence[Scores], valid: np.ndarray) -> np.ndarray:
    """(n,) bool: the valid rows whose scores are all finite."""
    valid = valid.copy()
    for sound, lengths in _sound_parts(plan, scored):
        drop_unsound(valid, sound, lengths)
    return valid


def drop_unsound(valid: np.ndarray, sound: np.ndarray, lengths: np.ndarray | None) -> None:
    """Clear in ``valid`` the rows of which something is not sound: rows themselves, or steps, as many for each as lengths
    say."""
    rows = np.arange(len(valid)) if lengths is None else np.repeat(np.arange(len(valid)), lengths)
    valid[rows[~sound]] = False


def _sound_parts(plan: ScorePlan, scored: Sequence[Scores]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Of each output and each value the rows, or steps, whose numbers are finite, and its lengths."""
    count = len(plan.outputs)
    for output, (values, lengths) in zip(plan.outputs, scored[:count], strict=True):
        yield output.sound(values), lengths
    for values, lengths in scored[count:]:
        yield np.asarray(np.isfinite(values).all(1)), lengths


def cells(plan: ScorePlan, scored: Sequence[Scores], valid: np.ndarray) -> pd.DataFrame:
    """The columns for rows with these scores."""
    valid = _sound(plan, scored, valid)
    cells: dict[str, Any] = {"valid": valid}
    for k, output in enumerate(plan.outputs):
        raw, lengths = scored[k]
        columns = output.columns(raw, None if k else plan.thresholds)
        cells |= {part_name(part, k): column_of(values, lengths, valid) for part, values in columns.items()}
    for k, (value, (values, lengths)) in enumerate(zip(plan.values, scored[len(plan.outputs) :], strict=True)):
        cells[value_name(k)] = column_of(value.ordered(values), lengths, valid)
    return pd.DataFrame(cells)


def value_name(k: int) -> str:
    """The column name of the k-th layer's value."""
    return f"value{k}"


def part_name(part: str, k: int) -> str:
    """The column name of a part of the k-th output; the first output's columns have the part's own name."""
    return f"{part}{k}" if k else part


def column_of(values: np.ndarray, lengths: np.ndarray | None, valid: np.ndarray) -> Any:
    """An array as a column of numbers or lists; with lengths, as lists of each row's steps. Rows that are not valid are
    NaN."""
    if not valid.all():
        values[~(valid if lengths is None else np.repeat(valid, lengths))] = np.nan
    if lengths is None:
        return list(values) if values.ndim > 1 else values
    rows = np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return [list(row) for row in rows] if values.ndim > 1 else rows


Scores = tuple[np.ndarray, np.ndarray | None]
"""(n, units) for all rows; if every step has scores, (all steps, units) and the number of steps of each row."""


def scores(plan: ScorePlan, runner: Runner, features: Mapping[str, Features], n: int) -> list[Scores]:
    """Each output's scores, then each value's numbers."""
    outputs = runner.batch(0, sparse=runner.sparse).outputs
    parts_by_output: list[list[Scores]] = [
        [scores_of(out.y, out.ends, 0, steps)] for out, steps in zip(outputs, plan.by_step, strict=True)
    ]
    for start in range(0, n, runner.capacity):
        rows = np.arange(start, min(start + runner.capacity, n))
        batch, lengths = fill_batch(runner, features, rows)
        batch.forward(False, np.uint64(0), rows.astype(np.uint64), lengths)
        for parts, out, steps in zip(parts_by_output, batch.outputs, plan.by_step, strict=True):
            parts.append(scores_of(out.y, out.ends, len(rows), steps))
    return [joined_scores(parts) for parts in parts_by_output]


def scores_of(y: np.ndarray, ends: np.ndarray | None, n: int, by_step: bool) -> Scores:
    """One output's scores of n rows, or one layer's values; ends: their lengths, if they are sequences. Images are
    flattened."""
    if not by_step:
        return y.reshape(n, prod(y.shape[1:])).copy(), None
    steps = np.full(n, y.shape[1]) if ends is None else ends
    return y.reshape(*y.shape[:2], prod(y.shape[2:]))[np.arange(y.shape[1]) < steps[:, None]], steps


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
