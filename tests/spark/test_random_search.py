"""RandomSearch: what it draws, its model and table, halving, saving, pipelines and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import functions as F
from scipy.stats import loguniform, randint

from spark_deepnet import RandomSearch, RandomSearchModel
from spark_deepnet.errors import ParamError, TrainingError
from spark_deepnet.layers import Dense
from spark_deepnet.spark.tuning.held_out import folds
from spark_deepnet.spark.tuning.space import draw
from tests.spark.data import blobs, estimator, frame, same

BOTH = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs()).cache()


def accuracy() -> MulticlassClassificationEvaluator:
    return MulticlassClassificationEvaluator(metricName="accuracy")


def test_samples_are_those_of_the_seed_and_the_first_stay_the_first() -> None:
    net = estimator()
    space = {"learningRate": loguniform(1e-4, 1e-1), net.batchSize: randint(8, 64), "layers": [[4, 5, 3], [4, 7, 3]]}
    few, many = draw(net, space, 5, 1), draw(net, space, 30, 1)
    assert few == many[:5]
    assert few != draw(net, space, 5, 2)
    rates = [sample[net.learningRate] for sample in many]
    assert all(type(rate) is float and 1e-4 <= rate <= 1e-1 for rate in rates)
    assert 0.2 < np.mean(np.log10(rates) < -2.5) < 0.8
    assert {type(sample[net.batchSize]) for sample in many} == {int}
    assert len({str(sample[net.layers]) for sample in many}) == 2


def test_a_space_of_lists_is_drawn_without_repeats_until_it_is_empty() -> None:
    net = estimator()
    samples = draw(net, {"seed": [1, 2, 3], "maxIter": [1, 2]}, 50, 0)
    assert sorted((s[net.seed], s[net.maxIter]) for s in samples) == [(s, i) for s in (1, 2, 3) for i in (1, 2)]


@BOTH
def test_the_best_sample_is_fitted_on_all_rows_and_saved_with_the_table(rows: Any, tmp_path: Path) -> None:
    net = estimator(batchSize=16, maxIter=4)
    space = {"learningRate": [1e-5, 0.1], "layers": [[4, 5, 3]]}
    given = {"estimator": net, "space": space, "evaluator": accuracy(), "numSamples": 9, "numFolds": 2}
    found = RandomSearch(**given).fit(rows)
    table = found.table
    assert list(table.columns) == ["learningRate", "layers", "accuracy", "accuracy deviation"]
    assert sorted(table["learningRate"]) == [1e-5, 0.1]
    assert list(table["accuracy"]) == found.avgMetrics
    assert table["learningRate"][found.bestIndex] == 0.1
    assert found.avgMetrics[found.bestIndex] > 0.8
    assert same(found.bestModel, net.fit(rows, {net.learningRate: 0.1}))
    path = str(tmp_path / "search")
    found.save(path)
    found.write().overwrite().save(path)
    loaded = RandomSearchModel.load(path)
    assert loaded.table.equals(table)
    assert (loaded.bestIndex, loaded.stdMetrics, loaded.uid) == (found.bestIndex, found.stdMetrics, found.uid)
    assert same(loaded.bestModel, found.bestModel)
    assert accuracy().evaluate(loaded.transform(rows)) > 0.8


def test_halving_gives_the_best_third_more_epochs(rows: Any) -> None:
    net = estimator(batchSize=16, maxIter=9)
    search = RandomSearch(
        estimator=net, space={"learningRate": [1e-5, 1e-4, 0.1]}, evaluator=accuracy(), trainRatio=0.7, halving=3
    )
    found = search.fit(rows)
    epochs = dict(zip(found.table["learningRate"], found.table["epochs given"], strict=True))
    assert epochs == {1e-5: 3, 1e-4: 3, 0.1: 9}
    assert found.bestModel.summary.totalIterations == 9
    assert found.bestModel.getLearningRate() == 0.1
    assert found.stdMetrics == [0.0] * 3


def test_a_sample_that_diverges_is_left_out_and_the_others_are_not_lost(rows: Any) -> None:
    net = estimator(layers=[Dense(5), Dense(3, "softmax")], batchSize=16)
    given = {"estimator": net, "evaluator": accuracy(), "trainRatio": 0.6, "parallelism": 2}
    found = RandomSearch(space={"learningRate": [1e30, 0.1]}, **given).fit(rows)
    metrics = dict(zip(found.table["learningRate"], found.avgMetrics, strict=True))
    assert np.isnan(metrics[1e30])
    assert metrics[0.1] > 0.5
    assert found.bestModel.getLearningRate() == 0.1
    with pytest.raises(TrainingError, match="loss"):
        RandomSearch(space={"learningRate": [1e30, 1e31]}, **given).fit(rows)


def test_the_splits_are_those_of_sparks_validators(rows: Any) -> None:
    numbered = rows.withColumn("n", F.monotonically_increasing_id()).cache()
    validator = CrossValidator(numFolds=3, seed=5)
    for own, theirs in zip(folds(numbered, 3, 5), validator._kFold(numbered), strict=True):
        for a, b in zip(own, theirs, strict=True):
            assert {row.n for row in a.collect()} == {row.n for row in b.collect()}
            assert a.columns == numbered.columns


@pytest.mark.parametrize(
    ("count", "epochs", "factor", "rounds"),
    [(9, 27, 3, [3, 9, 27]), (10, 18, 3, [2, 6, 18]), (2, 18, 3, [18]), (100, 4, 2, [1, 2, 4]), (8, 100, 0, [None])],
)
def test_rounds_end_with_all_epochs(count: int, epochs: int, factor: int, rounds: list[int]) -> None:
    search = RandomSearch(estimator=estimator(maxIter=epochs), space={"seed": [1]}, halving=factor)
    assert search._rounds(count) == rounds


def test_it_goes_into_a_pipeline(spark: Any, tmp_path: Path) -> None:
    x, y = blobs()
    df = spark.createDataFrame(
        [(*map(float, row), float(v)) for row, v in zip(x, y, strict=True)], ["a", "b", "c", "d", "label"]
    )
    assembler = VectorAssembler(inputCols=["a", "b", "c", "d"], outputCol="features")
    search = RandomSearch(
        estimator=estimator(batchSize=16), space={"learningRate": [0.05, 0.1]}, evaluator=accuracy(), trainRatio=0.6
    )
    model = Pipeline(stages=[assembler, search]).fit(df)
    model.save(str(tmp_path / "pipeline"))
    loaded = PipelineModel.load(str(tmp_path / "pipeline"))
    assert loaded.stages[1].table.equals(model.stages[1].table)
    assert loaded.transform(df).select("prediction").collect() == model.transform(df).select("prediction").collect()


def test_copies_have_their_own_estimator(spark: Any) -> None:
    search = RandomSearch(estimator=estimator(), space={"seed": [1]}, evaluator=accuracy(), numSamples=4)
    copied = search.copy({search.numSamples: 7, search.estimator.seed: 5})
    assert (copied.getOrDefault("numSamples"), search.getOrDefault("numSamples")) == (7, 4)
    assert (copied.estimator.getSeed(), search.estimator.getSeed()) == (5, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"estimator": None}, "estimator must be an Estimator, found None"),
        ({"evaluator": "accuracy"}, "evaluator must be an Evaluator, found 'accuracy'"),
        ({"space": {}}, "space: expected a dictionary of Params"),
        ({"space": {"learningrate": [0.1]}}, "learningRate"),
        ({"space": {"seed": []}}, "'seed' has an empty list"),
        ({"space": {"learningRate": 0.1}}, "'learningRate' needs a list to choose from or a distribution"),
        ({"space": {"loss": "squared"}}, "'loss' needs a list"),
        ({"space": {estimator().seed: [1]}}, "which is not among"),
        ({"numSamples": 0}, "numSamples: Number of samples, at least 1; found 0"),
        ({"numFolds": 1}, "numFolds: .* at least 2; found 1"),
        ({"trainRatio": 1.5}, "trainRatio: .* found 1.5"),
        ({"halving": 1}, "halving: .* found 1"),
        ({"halving": 2, "space": {"maxIter": [1, 2]}}, "maxIter, which is in the space too"),
    ],
)
def test_what_cannot_be_searched_is_refused(rows: Any, given: dict[str, Any], words: str) -> None:
    search = RandomSearch(
        **{"estimator": estimator(), "space": {"seed": [1, 2]}, "evaluator": accuracy(), "trainRatio": 0.5} | given
    )
    with pytest.raises(ParamError, match=words):
        search.fit(rows)


def test_halving_needs_a_number_of_epochs() -> None:
    net = estimator()
    net.clear(net.maxIter)
    with pytest.raises(ParamError, match="halving: the estimator needs maxIter"):
        RandomSearch(estimator=net, space={"seed": [1, 2]}, halving=2)._rounds(4)
