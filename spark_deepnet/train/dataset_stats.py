"""Statistics of all ranks' rows, taken before the first step, and the errors of data that no fit can use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spark_deepnet.data.dataset import Rows
from spark_deepnet.data.decode.faults import MISSING_MARKS
from spark_deepnet.data.feed import stay_sparse
from spark_deepnet.data.moments import Statistics, merged
from spark_deepnet.data.shard import Shard
from spark_deepnet.errors import DataError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.net.seen import sparse_readers
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train.scale_notes import notes

MAX_FAULTS = 3
"""In one sentence."""
LIGHTEST, HEAVIEST = 1e-300, 1e300
"""Bounds of the sum of the row weights."""


@dataclass(frozen=True)
class DatasetStats:
    """Rows of all ranks together."""

    rows: int
    validation_rows: int
    validation_weights: tuple[float, ...]
    """For each output."""
    fingerprint: str
    sparse: bool = False
    """Whether some rank's features stay sparse in a batch."""
    notes: tuple[str, ...] = ()
    """Sentences to log about the rows' numbers."""
    skipped: int = 0
    """Rows that were left out because something of them is missing."""
    statistics: Statistics = field(default_factory=dict)
    """Of the inputs and targets that the network standardizes, where the fit starts."""

    @property
    def sentences(self) -> list[str]:
        """All that is to be logged about the rows."""
        left_out = (
            f"handleInvalid='skip' left out {self.skipped:,} rows with features or targets that are null or not finite"
        )
        return [*([left_out] if self.skipped else []), *self.notes]


def take_stats(shard: Shard, channel: Channel, plan: TrainPlan) -> DatasetStats:
    """Every rank gets the same statistics, or the same error."""
    own = json.dumps(counted(shard) | {"sparse": stays_sparse(shard, plan.recipe)}).encode()
    return stats_of([json.loads(blob) for blob in all_gather_bytes(channel, own)], plan)


def stays_sparse(shard: Shard, recipe: Recipe) -> bool:
    """Whether a rank's features stay sparse in a batch."""
    inputs = sparse_readers(recipe.scores_net())
    return bool(inputs) and any(_sparse(rows, inputs) for rows in (shard.train, shard.valid))


def _sparse(rows: Rows, inputs: Collection[str]) -> bool:
    """Of spilled rows, by the first that are read."""
    return len(rows) > 0 and bool(stay_sparse(inputs, rows.in_order().between(0, 1).table.features))


def counted(shard: Shard) -> dict[str, Any]:
    """One rank's part of the statistics, as plain values."""
    return {
        "failure": shard.failure,
        "faults": dict(shard.faults),  # dataclasses.asdict would make tuples of a Counter's keys
        "rows": len(shard.train),
        "weights": shard.train.sums,
        "valid": len(shard.valid),
        "valid_weights": shard.valid.sums,
        "fingerprint": shard.fingerprint,
        "scales": shard.scales,
        "skipped": shard.skipped,
        "moments": shard.moments,
    }


def stats_of(parts: list[dict[str, Any]], plan: TrainPlan) -> DatasetStats:
    """The statistics of all ranks' parts, or the error of faulty rows."""
    _refuse(parts, plan)
    stats = DatasetStats(
        sum(p["rows"] for p in parts),
        sum(p["valid"] for p in parts),
        _sums(parts, "valid_weights"),
        fingerprint_of([p["fingerprint"] for p in parts]),
        any(p.get("sparse", False) for p in parts),
        notes(parts, plan),
        sum(p.get("skipped", 0) for p in parts),
        merged(part.get("moments", []) for part in parts),
    )
    _check_same_rows(stats, plan)
    return stats


def _sums(parts: list[dict[str, Any]], name: str) -> tuple[float, ...]:
    """For each output."""
    return tuple(sum(values) for values in zip(*(p[name] for p in parts), strict=True))


def _refuse(parts: list[dict[str, Any]], plan: TrainPlan) -> None:
    faults: Counter[str] = Counter()
    for failure in filter(None, (part["failure"] for part in parts)):
        raise DataError(failure)
    for part in parts:
        faults.update(part["faults"])
    if faults:
        named = faults.most_common(MAX_FAULTS)
        missing = all(any(mark in what for mark in MISSING_MARKS) for what, _ in named)
        hint = "; handleInvalid='skip' leaves such rows out" if missing else ""
        raise DataError("; ".join(f"{what} ({count:,} found)" for what, count in named) + hint)
    if not sum(p["rows"] for p in parts):
        skipped = sum(p.get("skipped", 0) for p in parts)
        only = f" beside the {skipped:,} that handleInvalid='skip' leaves out" if skipped else ""
        only = ", all of them marked for validation" if sum(p["valid"] for p in parts) else only
        raise no_rows(only)
    if not all(_sums(parts, "weights")) and plan.columns.class_weights:
        raise DataError(
            f"classWeights: no training row has a weight above 0 and a class with one, found {plan.columns.class_weights}; "
            f"give one to a class that has rows"
        )
    if not all(_sums(parts, "weights")) and plan.columns.weight is None:
        raise DataError("labelCol: the loss ignores the label of every training row; at least one must have another")
    if not all(_sums(parts, "weights")):
        raise DataError(f"column {plan.columns.weight!r}: all row weights are 0; at least one must be above 0")
    if not all(LIGHTEST < total < HEAVIEST for total in _sums(parts, "weights")):
        total = min(_sums(parts, "weights"))
        raise DataError(
            f"column {plan.columns.weight!r}: the row weights sum to {total:g}, by which nothing can be divided; multiply "
            f"them so that they are about 1"
        )
    if plan.columns.held_out and not all(_sums(parts, "valid_weights")):
        raise DataError(
            f"validationFraction: {plan.columns.held_out:g} of {sum(p['rows'] for p in parts):,} rows held out none (of a "
            f"weight above 0); raise it, or leave it at 0"
        )
    if plan.recipe.validated and not all(_sums(parts, "valid_weights")):
        raise DataError(
            f"column {plan.columns.validation!r}: no row (of a weight above 0) is true, so there is nothing to "
            f"validate on; mark some rows, or leave validationIndicatorCol unset"
        )


def _check_same_rows(stats: DatasetStats, plan: TrainPlan) -> None:
    if plan.fingerprint is not None and stats.fingerprint != plan.fingerprint:
        raise other_rows(plan, stats.fingerprint)


def fingerprint_of(parts: list[int]) -> str:
    """Of the rows of all ranks together."""
    return f"{sum(parts) % (1 << 64):016x}"


def no_rows(why: str = "") -> DataError:
    return DataError(f"fit: the DataFrame has no rows to train on{why}; give at least one")


def other_rows(plan: TrainPlan, fingerprint: str) -> DataError:
    if plan.resumed is not None:
        return DataError(
            f"checkpointDir: {plan.resumed!r} holds a checkpoint of a fit on other rows, whose fingerprint is "
            f"{plan.fingerprint}, found {fingerprint}; fit on those to resume, or give an empty folder to start over"
        )
    return DataError(
        "fit: the DataFrame gave other rows than in the job before, as with rand() or a changed source; "
        "write it to a table or checkpoint() it before the fit"
    )


def inverse(weights: np.ndarray) -> np.ndarray:
    """The factor of the gradients: rows without any weight have none."""
    return np.divide(1.0, weights, out=np.zeros(len(weights)), where=weights > LIGHTEST)
