"""How many steps should pass between exchanges, from measured seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, sqrt

import numpy as np

from spark_deepnet.data.dataset import Rows
from spark_deepnet.data.sampler import steps_of
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.step import Stepper, Sum

SHARE = 0.1
"""The part of a round of local steps that exchange may take, where replicas are many."""
TRIES = 5
MIN_TRIES = 2
PROBE_SECONDS = 0.1
"""No further try is made once those so far have taken this long: exchanges that are slow vary less, and cost more."""
MAX_STEPS_BETWEEN = 1000
MIN_ROUNDS = 4
"""Of a fit. Replicas that are averaged at its end alone lose more than exchange would take: LeNet on 4 hosts 50 ms apart
was at 0.950 after 300 steps and one average, at 0.959 with six."""


@dataclass(frozen=True)
class Seconds:
    """What a choice weighs."""

    step: float
    """C: of a step of batchSize rows."""
    shared: float
    """C_K: of a step of the rows that one of K ranks has of a batch that all share."""
    exchange: float
    """S: of the gradients' exchange."""
    average: float
    """A: of the exchange of all that is averaged, weights and the optimizer's vectors."""


def local_steps(step: float, average: float, share: float = SHARE) -> int:
    """The smallest tau with A / (tau C + A) <= share."""
    wanted = average * (1 - share) / share
    return max(1, min(MAX_STEPS_BETWEEN, ceil(wanted / max(step, 1e-9))))


def fit_steps(recipe: Recipe, rows: float, replicas: int, epochs: int) -> float:
    """Local steps of a fit, those behind its synchronous epochs; rows: to train on, infinite where nobody knows them."""
    if rows == inf:
        return recipe.max_steps or inf
    before = recipe.sync_epochs * steps_of(int(rows), recipe.batch_size)
    local = (epochs - recipe.sync_epochs) * steps_of(int(rows), recipe.batch_size * replicas)
    return min(local, recipe.max_steps - before) if recipe.max_steps else local


def steps_between(seconds: Seconds, replicas: int, steps: float = inf) -> int:
    """1, synchronous steps, or the tau of ``local_steps``, at least 2, and at most a quarter of the fit's ``steps``: what
    comes to a loss sooner, by

            sqrt(K) (C_K + S) <= C + A / tau,   share of exchange at most SHARE (1 - 1 / K).

    An average takes off 1 - 1 / K of the variance between replicas: the fewer they are, the less is lost by long rounds.
    K ranks that share a batch make one step of its rows; with local steps each makes one of as many rows, K times the
    rows in all, and how many steps fewer that takes, g, is not known beforehand: none (g = 1) where gradients hardly
    differ from batch to batch, K times fewer where they are mostly noise. g = sqrt(K) is wrong by sqrt(K) at most.
    A single replica, with which nobody averages, makes synchronous steps."""
    if replicas == 1:
        return 1
    wanted = local_steps(seconds.step, seconds.average, SHARE * (1 - 1 / replicas))
    tau = max(2, int(min(wanted, steps / MIN_ROUNDS)))
    synchronous = sqrt(replicas) * (seconds.shared + seconds.exchange)
    return 1 if synchronous <= seconds.step + seconds.average / tau else tau


def measured(stepper: Stepper, rows: Rows, most: int, replicas: int, vectors: int, total: Sum) -> Seconds:
    """Of one step's gradients of at most ``most`` rows, and of the exchange of a vector after it, with its wait for slower
    ranks: means over the ranks that have rows, the same on all. An average is that of ``vectors``. Changes nothing that
    training sees."""
    kept = stepper.state.weights.copy()  # running statistics move in forward
    table, keys, index = rows.in_order().between(0, min(len(rows), most))
    part = index[: -(-most // replicas)]
    stepper.synchronous_sum.local = True
    ones = np.ones(len(stepper.heads))
    tries: list[np.ndarray] = []
    spent = 0.0
    while len(tries) < TRIES and (len(tries) < MIN_TRIES or spent < PROBE_SECONDS):
        own = [_seconds(partial(stepper.compute, table, keys, each, ones)) for each in (index, part)]
        stepper.vector[:] = 0
        own.append(_seconds(partial(stepper.all_reduce, stepper.vector)))
        sums = np.array([*own, 1.0]) * (len(index) > 0)
        total(sums)
        tries.append(sums[:3] / sums[3])
        spent += float(tries[-1].sum())
    stepper.state.weights[:] = kept
    step, shared, exchange = np.median(tries[1:], axis=0).tolist()  # the first warms up
    return Seconds(step, shared, exchange, vectors * exchange)


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
