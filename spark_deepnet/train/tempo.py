"""How many steps should pass between exchanges, from measured seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

import numpy as np

from spark_deepnet.rows.table import Table
from spark_deepnet.train.step import Stepper, Sum

SHARE = 0.1
"""The part of a fit's seconds that exchange may take."""
TRIES = 3
LARGEST = 1000


def steps_between(step: float, exchange: float, replicas: int) -> int:
    """tau with S / (tau C + S) <= SHARE,   C: seconds of a step of batchSize rows, S: of an exchange.

    1, all replicas step together, where that much holds even for a step whose rows are shared out, C / replicas."""
    wanted = exchange * (1 - SHARE) / SHARE
    return 1 if wanted <= step / replicas else max(2, min(LARGEST, ceil(wanted / max(step, 1e-9))))


def measured(stepper: Stepper, table: Table, keys: np.ndarray, rows: int, total: Sum, size: int) -> tuple[float, float]:
    """Seconds of one step's slopes of so many rows and of one exchange of the weights: means over ``size`` ranks, the
    same on all. Changes nothing that training sees."""
    kept = stepper.state.weights.copy()  # running statistics move in forward
    index = np.arange(min(len(table), rows))
    stepper.alone = True
    step = _quickest(lambda: stepper.compute(table, keys, index, np.ones(len(stepper.heads)))) if len(index) else 0.0
    stepper.state.weights[:] = kept
    stepper.vector[:] = 0
    exchange = _quickest(lambda: stepper.all_reduce(stepper.vector))
    sums = np.array([step, float(len(index) > 0), exchange])
    total(sums)
    return float(sums[0] / max(1.0, sums[1])), float(sums[2] / size)


def _quickest(call: Callable[[], None]) -> float:
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
