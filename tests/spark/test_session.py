"""A fit and a transform leave the session as it was, and MLlib's own estimators at work in it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml.classification import (
    LinearSVC,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    RandomForestClassifier,
)
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.recommendation import ALS
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import functions as F

from spark_deepnet.errors import DataError
from spark_deepnet.spark.fit import round_fit
from spark_deepnet.spark.session.without_aqe import ADAPTIVE
from tests.spark.data import blobs, estimator, frame

X, Y = blobs(40, classes=2)


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    df = frame(spark, X, Y, number=range(len(Y))).cache()
    estimator(maxIter=1).fit(df)
    return df


def state(spark: Any) -> dict[str, Any]:
    """All of a session and its process that a fit might change."""
    context = spark.sparkContext
    return {
        "settings": dict(spark.conf.getAll),
        "local properties": dict(context._jsc.sc().getLocalProperties()),
        "tags": (sorted(spark.getTags()), sorted(context.getJobTags())),
        "cached": context._jsc.getPersistentRDDs().size(),
        "tables": [table.name for table in spark.catalog.listTables()],
        "streams": len(spark.streams.active),
        "broadcasts": os.listdir(context._temp_dir),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "handler": signal.getsignal(signal.SIGINT),
        "environment": dict(os.environ),
    }


def failed(rows: Any) -> None:
    with pytest.raises(DataError, match="unknown labels"):
        estimator(maxIter=1).fit(rows.withColumn("label", F.lit(9.0)))


def interrupted(rows: Any) -> None:
    """Ctrl-C, which ends the jobs too."""
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        estimator(maxIter=10_000_000).fit(rows)
    timer.join()
    tracker, end = rows.sparkSession.sparkContext.statusTracker(), time.monotonic() + 60
    while tracker.getActiveJobsIds():
        assert time.monotonic() < end
        time.sleep(0.1)


def fitted(**params: Any) -> Callable[[Any], Any]:
    return lambda rows: estimator(**({"maxIter": 1} | params)).fit(rows)


WAYS: dict[str, Callable[[Any], Any]] = {
    "a fit": fitted(numTrainWorkers=2),
    "a fit with progress": fitted(showProgress=True),
    "rounds": fitted(exchange="spark", maxIter=2),
    "a failed fit": failed,
    "Ctrl-C": interrupted,
    "a transform": lambda rows: estimator(maxIter=1).fit(rows).transform(rows).collect(),
    "a plan": lambda rows: estimator().explainPlan(rows),
}


@pytest.fixture
def grouped(spark: Any) -> Iterator[Any]:
    """The session, to whose jobs the user has given a group and a tag."""
    context = spark.sparkContext
    context.setJobGroup("a group", "of the user's")
    context.addJobTag("own")
    yield spark
    context.clearJobTags()
    for name in ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel"):
        context.setLocalProperty(name, None)


@pytest.mark.parametrize("way", WAYS)
def test_the_session_is_as_it_was(rows: Any, grouped: Any, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_fit, "MAX_CLOSURE_BYTES", 0)  # as large models do
    before = state(grouped)
    assert before["tags"][1] == ["own"]
    WAYS[way](rows)
    after = state(grouped)
    for what, value in before.items():
        assert after[what] == value, what


def test_a_fit_with_checkpoints_too(rows: Any, tmp_path: Path) -> None:
    before = state(rows.sparkSession)
    fitted(checkpointDir=str(tmp_path), jobSeconds=0.0, checkpointInterval=1, maxIter=3)(rows)
    assert state(rows.sparkSession) == before


@pytest.mark.parametrize("own", [None, "false", "true"])
def test_a_setting_that_was_not_set_is_not_set(rows: Any, own: str | None) -> None:
    spark = rows.sparkSession
    if own is not None:
        spark.conf.set(ADAPTIVE, own)
    before = dict(spark.conf.getAll)
    fitted()(rows)
    assert dict(spark.conf.getAll) == before
    spark.conf.unset(ADAPTIVE)


@pytest.mark.sessions("connect")
def test_over_connect_no_tag_outlives_a_fit(spark: Any) -> None:
    rows = frame(spark, X, Y)
    fitted()(rows)
    failed(rows)
    assert spark.getTags() == set()


def cross_validated() -> Any:
    lr = LogisticRegression(maxIter=1)
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1]).build()
    return CrossValidator(
        estimator=lr,
        estimatorParamMaps=grid,
        evaluator=MulticlassClassificationEvaluator(),
        numFolds=2,
        parallelism=2,
    )


BASELINES: dict[str, Callable[[], Any]] = {
    "logistic regression": lambda: LogisticRegression(maxIter=1),
    "forest": lambda: RandomForestClassifier(numTrees=2, maxDepth=2),
    "perceptron": lambda: MultilayerPerceptronClassifier(layers=[4, 3, 2], maxIter=1),
    "support vectors": lambda: LinearSVC(maxIter=1),
    "cross-validator": cross_validated,
}


@pytest.mark.parametrize("name", BASELINES)
def test_mllib_goes_on_beside_ours(rows: Any, name: str) -> None:
    """Fitted before and after, and evaluated."""
    earlier = BASELINES[name]().fit(rows)
    fitted(numTrainWorkers=2)(rows).transform(rows).collect()
    for model in earlier, BASELINES[name]().fit(rows):
        assert 0 <= MulticlassClassificationEvaluator().evaluate(model.transform(rows)) <= 1


def test_and_factors_of_ratings(rows: Any) -> None:
    fitted()(rows)
    ratings = rows.select((F.col("number") % 5).alias("user"), (F.col("number") % 3).alias("item"), "label")
    model = ALS(rank=2, maxIter=1, userCol="user", itemCol="item", ratingCol="label").fit(ratings)
    assert model.transform(ratings).count() == len(Y)
