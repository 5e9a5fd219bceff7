"""How many steps should pass between exchanges, from measured seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from statistics import median

import numpy as np

from spark_deepnet.data.dataset import Rows
from spark_deepnet.train.step import Stepper, Sum

SHARE = 0.1
"""The part of a fit's seconds that exchange may take."""
TRIES = 5
MAX_STEPS_BETWEEN = 1000


def steps_between(step: float, exchange: float, replicas: int, vectors: int = 1) -> int:
    """tau with v S / (tau C + v S) <= SHARE,   C: seconds of a step of batchSize rows, S: of an exchange of one vector,
    v: vectors that are averaged.

    1, synchronous steps, where S / (C / replicas + S) <= SHARE: gradients are one vector, rows are shared out."""
    wanted = exchange * (1 - SHARE) / SHARE
    return 1 if wanted <= step / replicas else max(2, min(MAX_STEPS_BETWEEN, ceil(vectors * wanted / max(step, 1e-9))))


def measured(stepper: Stepper, rows: Rows, most: int, total: Sum) -> tuple[float, float]:
    """Seconds of one step's gradients of at most ``most`` rows, and of the exchange of a vector after it, with its wait
    for slower ranks: means over the ranks that have rows, the same on all. Changes nothing that training sees."""
    kept = stepper.state.weights.copy()  # running statistics move in forward
    table, keys, index = rows.in_order().between(0, min(len(rows), most))
    stepper.synchronous_sum.local = True
    ones = np.ones(len(stepper.heads))
    steps, exchanges = [], []
    for _ in range(TRIES):
        steps.append(_seconds(lambda: stepper.compute(table, keys, index, ones)))
        stepper.vector[:] = 0
        exchanges.append(_seconds(lambda: stepper.all_reduce(stepper.vector)))
    stepper.state.weights[:] = kept
    sums = np.array([median(steps), median(exchanges), 1.0]) * (len(index) > 0)
    total(sums)
    step, exchange, ranks = sums.tolist()
    return step / ranks, exchange / ranks


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
