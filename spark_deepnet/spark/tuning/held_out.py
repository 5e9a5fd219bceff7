"""How samples of Params do on rows that they were not fitted on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
from pyspark.ml.base import Estimator
from pyspark.ml.evaluation import Evaluator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.util import inheritable_thread_target

from spark_deepnet.errors import TrainingError
from spark_deepnet.spark.names import column, new_name
from spark_deepnet.spark.tuning.space import ParamMap

_log = logging.getLogger(__name__)
Split = tuple[DataFrame, DataFrame]
"""Rows to fit on, and rows to evaluate on."""


def folds(dataset: DataFrame, count: int, seed: int) -> Iterator[Split]:
    """Splits of which each row is evaluated in one: those of Spark's CrossValidator with this seed."""
    return _splits(dataset, [(k / count, (k + 1) / count) for k in range(count)], seed)


def one_split(dataset: DataFrame, ratio: float, seed: int) -> Iterator[Split]:
    """The one split of Spark's TrainValidationSplit."""
    return _splits(dataset, [(ratio, 1.0)], seed)


def _splits(dataset: DataFrame, ranges: Sequence[tuple[float, float]], seed: int) -> Iterator[Split]:
    """For each range the rows outside of it, and those whose random number lies within; both cached meanwhile."""
    name = new_name(dataset, "random")
    rows = dataset.withColumn(name, F.rand(seed))
    for low, high in ranges:
        within = (column(name) >= low) & (column(name) < high)
        split = rows.filter(~within).drop(name).cache(), rows.filter(within).drop(name).cache()
        try:
            yield split
        finally:
            for part in split:
                part.unpersist()


def metrics_of(
    estimator: Estimator[Any], maps: Sequence[ParamMap], evaluator: Evaluator, split: Split, threads: int
) -> np.ndarray:
    """The metric of each sample, its model evaluated in one of the threads. NaN of a sample whose fit fails, such as by a
    learning rate at which the loss grows without bound; where all fail, the first one's
    error is raised."""
    train, validation = split
    metrics, errors = np.full(len(maps), np.nan), []
    models = estimator.fitMultiple(train, maps)

    def next_sample(_: int) -> None:
        try:
            index, model = next(models)
        except TrainingError as error:
            errors.append(error)
            _log.warning("RandomSearch: a sample is left out: %s", error)
        else:
            metrics[index] = evaluator.evaluate(model.transform(validation, maps[index]))

    with ThreadPool(min(threads, len(maps))) as pool:
        pool.map(inheritable_thread_target(train.sparkSession)(next_sample), range(len(maps)))
    if len(errors) == len(maps):
        raise errors[0]
    return metrics
