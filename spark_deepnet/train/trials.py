"""Several fits over the same rows in one job: rows are read once, and the fits, the trials, are made one after another.

Where rows and networks are small, every rank gets the rows of all ranks and makes whole trials by itself, with the ranks of
a fit as threads that exchange in memory. Otherwise all ranks make one trial after another together. Both run the code of a
fit alone over the same shares of the rows and the same sums, and so give the same weights bit for bit.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from spark_deepnet.data.everyones import Packed, packed, shards_of_all
from spark_deepnet.data.moments import Column
from spark_deepnet.data.shard import Shard
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.plan.storage import nbytes
from spark_deepnet.train.alone import pays
from spark_deepnet.train.dataset_stats import counted, stats_of
from spark_deepnet.train.imitated import PairLoop, can_imitate
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.messages import EVERY, RANK_ERRORS, Error, Message, encode
from spark_deepnet.train.rank import READING_TIMEOUT_SECONDS, RankContext, on_cores, read_and_met, trained
from spark_deepnet.train.results import results_of
from spark_deepnet.train.standardization import channels, set_statistics
from spark_deepnet.train.state import State
from spark_deepnet.train.warm_up import warm_up

TRIAL = "trial"
"""The column of a message's row that says whose it is; EVERY: all trials'."""
MAX_ALONE_ROWS_BYTES = 64 << 20
"""Of the rows of all ranks, which each rank holds where it makes trials by itself."""
MAX_ALONE_WEIGHTS_BYTES = 4 << 20
"""Of a network that one rank trains by itself: each of its threads holds gradients, weights and the optimizer's vectors."""
MAX_ALONE_RANKS = 8
"""Ranks that one process imitates: a step of all of them takes as long as those of each together."""


@dataclass(frozen=True)
class Trials:
    """What every rank of such a job is sent."""

    plan: TrainPlan
    """That of all trials but for their recipes."""
    recipes: tuple[Recipe, ...]

    def plan_of(self, number: int) -> TrainPlan:
        """A trial's plan: it is made in one job."""
        return replace(self.plan, recipe=self.recipes[number], job_seconds=float("inf"))

    @property
    def moments(self) -> dict[Column, int]:
        """The columns whose exact sums any of the trials needs."""
        together: dict[Column, int] = {}
        for recipe in self.recipes:
            together |= channels(replace(self.plan, recipe=recipe))
        return together

    def alone(self, size: int) -> int:
        """The number of trials, the first ones, that ranks could make by themselves: as many for each."""
        small = all(nbytes(recipe.architecture) <= MAX_ALONE_WEIGHTS_BYTES for recipe in self.recipes)
        steady = not any(recipe.overlap or recipe.sync_every == 0 for recipe in self.recipes)
        fits = small and steady and size <= MAX_ALONE_RANKS and self.plan.threads == 1
        return len(self.recipes) // size * size if fits else 0


def run(trials: Trials, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[pd.DataFrame]:
    """One rank's part of the job; yields its messages, a frame each, with the trial's number."""
    try:
        with on_cores(trials.plan):
            for number, message in _job(trials, frames, context):
                yield encode(message).assign(**{TRIAL: number})
    except RANK_ERRORS as error:
        yield encode(Error.from_exception(context.rank, error)).assign(**{TRIAL: EVERY})


def _job(trials: Trials, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[tuple[int, Message]]:
    meter, plan = Meter(), trials.plan
    with read_and_met(plan, frames, context, meter, trials.moments, _nothing) as (shard, _, channel):
        job = _Job(trials, context, shard, channel, meter)
        own = packed(shard)
        count = trials.alone(channel.size)
        count = count if _sum(channel, own.nbytes) <= MAX_ALONE_ROWS_BYTES else 0
        if count:
            yield from job.alone(count, own)
        yield from job.together(range(count, len(trials.recipes)))


class _Job:
    """A rank's trials, until all are made or the job has lasted long enough: others make the next job."""

    def __init__(self, trials: Trials, context: RankContext, shard: Shard, channel: Channel, meter: Meter) -> None:
        self.trials, self.context, self.shard, self.channel, self.meter = trials, context, shard, channel, meter
        self.is_over = False

    def alone(self, count: int, own: Packed) -> Iterator[tuple[int, Message]]:
        """The first trials, each made by one rank."""
        channel = self.channel
        with self.meter.timed("reading"):
            shards = shards_of_all(self.shard, own, channel)
        for number in range(channel.rank, count, channel.size):
            yield from ((number, message) for message in self._imitated(number, shards))
            if self._has_lasted():
                break
        self._agree(self._has_lasted())

    def together(self, numbers: range) -> Iterator[tuple[int, Message]]:
        """These trials, each made by all ranks."""
        for number in numbers:
            if self.is_over:
                return
            self.channel.bytes_sent = 0
            made = _made(self.trials.plan_of(number), self.context.stage, self.shard, self.channel, self._meter(), True)
            yield from ((number, message) for message in made)
            self._agree(self.channel.rank == 0 and self._has_lasted())

    def _imitated(self, number: int, shards: list[Shard]) -> list[Message]:
        """A trial by threads of this process, one for each rank."""
        plan, size = self.trials.plan_of(number), len(shards)
        imitated = memory_channels(size, plan.deadline, self.channel.hosts)
        rows = sum(len(shard.train) for shard in shards)
        alone = plan.may_train_alone and pays(plan.recipe, rows, size)  # then a rank makes it anyway
        if not alone and can_imitate(plan.recipe, shards):
            return list(_by_one_thread(plan, self.context.stage, shards, imitated, self._meter()))
        messages: list[list[Message]] = [[] for _ in shards]
        failures: list[BaseException] = []

        def rank(k: int) -> None:
            try:
                messages[k] = list(_made(plan, self.context.stage, shards[k], imitated[k], self._meter(), k == 0))
            except BaseException as error:
                failures.append(error)
            finally:
                imitated[k].close()

        _in_threads(rank, size)
        for failure in failures:
            raise failure
        return [message for each in messages for message in each]

    def _meter(self) -> Meter:
        """Of one trial, with its share of what all have waited for."""
        meter, count = Meter(), len(self.trials.recipes)
        for name, seconds in self.meter.seconds.items():
            meter.seconds[name] = seconds / count
            meter.began -= seconds / count
        return meter

    def _has_lasted(self) -> bool:
        return self.meter.elapsed >= self.trials.plan.job_seconds

    def _agree(self, is_over: bool) -> None:
        """Whether some rank wants the job to end; one may wait long for others that still make their trials."""
        channel = self.channel
        channel.liveness_timeout = max(channel.deadline, READING_TIMEOUT_SECONDS)
        self.is_over = _sum(channel, is_over) > 0
        channel.liveness_timeout = channel.deadline


def _made(
    plan: TrainPlan, stage: int, shard: Shard, channel: Channel, meter: Meter, compiles: bool
) -> Iterator[Message]:
    """A trial's messages from one of its ranks: the error of a trial ends that trial alone, for all its ranks raise it."""
    try:
        with meter.timed("compiling"):
            if compiles:
                warm_up(plan)
        state, stats = trained(plan, shard, {}, channel, meter)
        yield from results_of(plan, stage, shard, state, stats, channel, meter)
    except RANK_ERRORS as error:
        yield Error.from_exception(channel.rank, error)


def _by_one_thread(
    plan: TrainPlan, stage: int, shards: Sequence[Shard], imitated: Sequence[Channel], meter: Meter
) -> Iterator[Message]:
    """The same by one thread; imitated: a channel of each rank, by which nothing goes."""
    try:
        with meter.timed("compiling"):
            warm_up(plan)
        stats = stats_of([json.loads(json.dumps(counted(shard))) for shard in shards], plan)
        recipe = plan.recipe
        layout = recipe.block_net(0, 1).layout
        state = State.initial(layout, recipe.optimizer, recipe.seed, recipe.validated)
        set_statistics(recipe, layout, state, stats.statistics)
        PairLoop(resolved(recipe, stats.rows), shards, stats, state, meter).run(lambda: False, _unreported)
        for shard, channel in zip(shards, imitated, strict=True):
            yield from results_of(plan, stage, shard, state, stats, channel, meter)
    except RANK_ERRORS as error:
        yield Error.from_exception(0, error)


def _unreported(progress: dict[str, Any]) -> None:
    """A grid has no progress bar."""


def _in_threads(work: Callable[[int], None], count: int) -> None:
    """work(0), work(1), ... at the same time."""
    others = [threading.Thread(target=work, args=(k,), name=f"rank {k}", daemon=True) for k in range(1, count)]
    for thread in others:
        thread.start()
    work(0)
    for thread in others:
        thread.join()


def _sum(channel: Channel, number: int) -> int:
    """Over all ranks."""
    return sum(int(blob) for blob in all_gather_bytes(channel, str(int(number)).encode()))


def _nothing() -> None:
    """Each trial compiles its own kernels."""
