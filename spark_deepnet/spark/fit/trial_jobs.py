"""Several fits over the same rows as one Spark job, or as few as ``jobSeconds`` allows."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
from pyspark.sql import DataFrame, Row

from spark_deepnet.errors import DeepNetError
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.plan.storage import nbytes
from spark_deepnet.spark.fit.advice import log_notes, warn_of_loss
from spark_deepnet.spark.fit.barrier_fit import Outcome, place_of_task, retried, weights_of
from spark_deepnet.spark.fit.dealing import dealing_key
from spark_deepnet.spark.fit.driver_listener import DriverListener
from spark_deepnet.spark.fit.first_fit import log_compiling
from spark_deepnet.spark.fit.rounding import warn_of_rounding
from spark_deepnet.spark.fit.skew import warn_of_skew
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.crash_notes import note_crashes
from spark_deepnet.spark.session.interrupts import cancel_jobs_on_interrupt
from spark_deepnet.spark.session.lost_slots import fail_without_slots
from spark_deepnet.spark.session.spark_errors import warn_of_retries
from spark_deepnet.spark.session.without_aqe import planned
from spark_deepnet.train import trials
from spark_deepnet.train.dataset_stats import no_rows
from spark_deepnet.train.messages import EVERY, SCHEMA, Message, decode, measures_of, raise_worker_error
from spark_deepnet.train.state import clock_of
from spark_deepnet.train.trials import TRIAL, Trials

MAX_WEIGHTS_BYTES = 256 << 20
"""Of all trials of a job, which come to the driver together."""
_log = logging.getLogger(__name__)


def trials_task(of: Trials, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """What every task of such a job runs."""
    place = place_of_task(of.plan)
    with note_crashes(of.plan.job, place.rank):
        yield from trials.run(of, frames, place)


class TrialJobs:
    """Makes all trials, in one job where they take no longer than ``jobSeconds``; what is left is the next job's."""

    def __init__(
        self, frame: DataFrame, cluster: Cluster, plan: TrainPlan, recipes: Sequence[Recipe], listener: DriverListener
    ) -> None:
        """plan: that of all trials, but for their recipes."""
        self.frame, self.cluster, self.listener = frame, cluster, listener
        self.spark, self.plan, self.recipes = frame.sparkSession, plan, recipes
        self.outcomes: dict[int, Outcome | DeepNetError] = {}
        self.count = 0

    def run(self) -> list[Outcome | DeepNetError]:
        """What each of the recipes gave: an outcome, or the error that ended it alone."""
        with cancel_jobs_on_interrupt(self.spark) as tag:
            with fail_without_slots(self.spark, self.cluster, self.plan.workers, self.plan.deadline, tag):
                while left := [k for k in range(len(self.recipes)) if k not in self.outcomes]:
                    self._job(self._at_once(left))
        made = [outcome for outcome in self.outcomes.values() if isinstance(outcome, Outcome)]
        for outcome in made[:1]:
            warn_of_skew(outcome.ranks)
            warn_of_rounding(outcome.ranks)
        return [self.outcomes[k] for k in range(len(self.recipes))]

    def _at_once(self, numbers: Sequence[int]) -> list[int]:
        """The first of them, whose weights fit into one job's results."""
        chosen, size = [numbers[0]], nbytes(self.recipes[numbers[0]].architecture)
        for number in numbers[1:]:
            size += nbytes(self.recipes[number].architecture)
            if size > MAX_WEIGHTS_BYTES:
                break
            chosen.append(number)
        return chosen

    def _job(self, numbers: Sequence[int]) -> None:
        plan = self.listener.plan(replace(self.plan, job=uuid.uuid4().hex))
        _log.info("fit: %d models in one job, %d workers", len(numbers), plan.workers)
        messages = self._messages(Trials(plan, tuple(self.recipes[k] for k in numbers)))
        self.count += 1
        if not messages:  # Spark starts no workers over a relation that it knows to be empty
            raise no_rows()
        raise_worker_error(messages.pop(EVERY, []))
        self.listener.note_end(plan)
        for place, own in sorted(messages.items()):
            self._take(numbers[place], own, plan)

    def _messages(self, of: Trials) -> dict[int, list[Message]]:
        """Those of each trial."""
        plan, frame = of.plan, self.frame
        dealt = frame.repartition(plan.workers, dealing_key(frame, plan.columns))
        results = dealt.mapInPandas(partial(trials_task, of), f"{SCHEMA}, {TRIAL} int", barrier=True).repartition(1)
        rows = retried(lambda: planned(results).collect(), self.spark, self.cluster, plan)
        by_trial: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            by_trial[row[TRIAL]].append(row)
        return {number: decode(own) for number, own in by_trial.items()}

    def _take(self, number: int, messages: list[Message], plan: TrainPlan) -> None:
        """A trial's outcome from its messages, unless it is not made yet."""
        try:
            raise_worker_error(messages)
        except DeepNetError as error:
            self.outcomes[number] = error
            return
        measures = measures_of(messages)
        ranks = [each.summary(self.count) for each in measures]
        if self.plan.fingerprint is None:
            log_notes(measures[-1].notes)
            warn_of_retries(self.spark, ranks[-1], plan.job)
        self.plan = replace(self.plan, fingerprint=measures[-1].fingerprint)
        log_compiling(ranks)
        clock, own = clock_of(messages), replace(plan, recipe=self.recipes[number])
        warn_of_loss(clock["history"])
        self.outcomes[number] = Outcome(weights_of(messages, own), clock, ranks, 1)
