"""A grid of Params in one Spark job: the models of fits alone, the fallbacks, the errors, and threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import functions as F

from spark_deepnet.errors import ClusterError, DataError, NetworkError, ParamError, TrainingError
from spark_deepnet.layers import Conv2D, Dense
from spark_deepnet.spark import observers
from spark_deepnet.spark.fit import barrier_fit, trial_jobs
from tests.spark.data import blobs, estimator, frame, same

ALL = pytest.mark.sessions("classic", "cluster", "connect")
BOTH = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    x, y = blobs()
    more = {
        "held": [i % 3 == 2 for i in range(len(y))],
        "w": [1.0 + i % 2 for i in range(len(y))],
        "t": list(range(len(y))),
    }
    return frame(spark, x, y, **more).withColumn("other", F.col("features")).cache()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of models of every job: 1 for a job of a fit alone."""
    counts: list[int] = []
    together, alone = trial_jobs.TrialJobs._job, barrier_fit.Jobs._job

    def count_trials(self: Any, numbers: Any) -> None:
        counts.append(len(numbers))
        together(self, numbers)

    def count_alone(self: Any, state: Any) -> Any:
        counts.append(1)
        return alone(self, state)

    monkeypatch.setattr(trial_jobs.TrialJobs, "_job", count_trials)
    monkeypatch.setattr(barrier_fit.Jobs, "_job", count_alone)
    return counts


def grid(net: Any, **values: Any) -> list[dict[Any, Any]]:
    builder = ParamGridBuilder()
    for name, each in values.items():
        builder.addGrid(net.getParam(name), each)
    return builder.build()


def check_as_alone(net: Any, rows: Any, maps: list[dict[Any, Any]]) -> None:
    """Each model is that of its fit alone, Params and summary too; the first and the last are compared."""
    models = dict(net.fitMultiple(rows, maps))
    assert sorted(models) == list(range(len(maps)))
    for index in (0, len(maps) - 1):
        model, alone = models[index], net.fit(rows, maps[index])
        assert same(model, alone)
        assert facts(model) == facts(alone)
    assert not same(models[0], models[1])


def facts(model: Any) -> list[Any]:
    """All that does not depend on time."""
    history = [{k: v for k, v in row.items() if k not in ("seconds", "rowsPerSecond")} for row in model.summary.history]
    return [history, model.summary.steps, model.summary.rowsByRank, model.uid, model.extractParamMap()]


@ALL
def test_a_grid_is_one_job_with_the_models_of_fits_alone(rows: Any, jobs: list[int]) -> None:
    net = estimator(batchSize=16, numTrainWorkers=2)
    check_as_alone(net, rows, [*grid(net, layers=[[4, 5, 3], [4, 7, 3]], learningRate=[0.05, 0.1]), {net.seed: 4}])
    assert jobs == [5, 1, 1]


def test_all_that_decides_weights_does_so_in_a_grid(rows: Any, jobs: list[int]) -> None:
    """Standardization, rows held out by each seed, class weights and what follows from the rows are those of a fit alone."""
    net = estimator(standardization=True, validationFraction=0.3, weightCol="w", numTrainWorkers=2)
    net.clear(net.batchSize)
    check_as_alone(net, rows, grid(net, seed=[0, 1], regParam=[0.0, 0.1]))
    assert jobs == [2, 2, 1, 1]
    net = estimator(
        classWeights="balanced", validationIndicatorCol="held", metrics=["f1"], numTrainWorkers=3, syncEvery=2
    )
    check_as_alone(net, rows, [{net.batchSize: 8}, {net.batchSize: 16, net.standardization: True}])
    assert jobs[4:] == [2, 1, 1]


def test_spark_itself_runs_one_job(spark: Any, rows: Any) -> None:
    net, context = estimator(numTrainWorkers=2), spark.sparkContext
    context.setJobGroup("a grid", "counted")
    list(net.fitMultiple(rows, grid(net, learningRate=[0.01, 0.02, 0.05])))
    assert len(context.statusTracker().getJobIdsForGroup("a grid")) == 1
    context.setLocalProperty("spark.jobGroup.id", None)


def test_small_jobs_over_the_rows_are_run_once(spark: Any, rows: Any) -> None:
    """The classes that -1 stands for are counted once for all models."""
    net, context = estimator(layers=[4, 5, -1], classWeights="balanced"), spark.sparkContext
    context.setJobGroup("scans", "counted")
    list(net.fitMultiple(rows, grid(net, learningRate=[0.01, 0.02])))
    of_two = len(context.statusTracker().getJobIdsForGroup("scans"))
    list(net.fitMultiple(rows, grid(net, learningRate=[0.01, 0.02, 0.05, 0.1])))
    assert len(context.statusTracker().getJobIdsForGroup("scans")) == 2 * of_two
    context.setLocalProperty("spark.jobGroup.id", None)


def test_a_grid_of_more_than_job_seconds_is_several_jobs(rows: Any, jobs: list[int]) -> None:
    net = estimator(batchSize=16, numTrainWorkers=2)
    maps = grid(net, learningRate=[0.01, 0.02, 0.05])
    models = dict(net.copy({net.jobSeconds: 0.0}).fitMultiple(rows, maps))
    assert jobs == [3, 1]
    assert all(same(models[k], net.fit(rows, maps[k])) for k in (1, 2))


def test_weights_that_are_too_many_for_one_result_are_several_jobs(
    rows: Any, jobs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_jobs, "MAX_WEIGHTS_BYTES", 400)
    net = estimator()
    assert len(dict(net.fitMultiple(rows, grid(net, learningRate=[0.01, 0.02, 0.05])))) == 3
    assert jobs == [2, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"featuresCol": ["features", "other"], "learningRate": [0.01, 0.1]}, [2, 2]),
        ({"validationIndicatorCol": ["held"], "weightCol": ["w", "t"]}, [1, 1]),
        ({"numTrainWorkers": [1, 2], "seed": [1, 2]}, [2, 2]),
        ({"modelBlocks": [2], "seed": [1, 2], "numTrainWorkers": [2]}, [1, 1]),
        ({"orderCol": ["t"], "seed": [1, 2]}, [1, 1]),
        ({"exchange": ["spark"], "seed": [1, 2]}, []),
        ({"seed": [1]}, [1]),
    ],
)
def test_what_is_read_or_made_otherwise_is_another_job(
    rows: Any, jobs: list[int], values: dict[str, Any], expected: list[int]
) -> None:
    net = estimator(batchSize=16)
    models = dict(net.fitMultiple(rows, grid(net, **values)))
    assert jobs == expected
    assert same(models[len(models) - 1], net.fit(rows, grid(net, **values)[-1]))


def test_checkpoints_initial_models_and_callbacks_set_fits_apart(rows: Any, jobs: list[int], tmp_path: Path) -> None:
    class Heard:
        epochs = 0

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            Heard.epochs += 1

    net = estimator()
    nets = [
        net.copy().setCheckpointDir(str(tmp_path)),
        net.copy().setInitialModel(net.fit(rows)),
        net.copy().setCallbacks([Heard()]),
    ]
    for each in nets:
        del jobs[:]
        assert len(dict(each.fitMultiple(rows, grid(each, seed=[1, 2])))) == 2
        assert jobs == [1, 1]
    assert Heard.epochs == 6


@BOTH
def test_a_model_that_fails_raises_at_its_turn_what_it_raises_alone(rows: Any) -> None:
    net = estimator(layers=[Dense(5), Dense(3, "softmax")], batchSize=16, numTrainWorkers=2)
    maps = grid(net, learningRate=[0.05, 1e30, 0.1])
    models = net.fitMultiple(rows, maps)
    assert next(models)[0] == 0
    with pytest.raises(TrainingError) as raised:
        next(models)
    with pytest.raises(TrainingError) as alone:
        net.fit(rows, maps[1])
    assert str(raised.value) == str(alone.value)
    assert next(models)[0] == 2
    with pytest.raises(StopIteration):
        next(models)


def test_faulty_rows_are_every_model_s_error(spark: Any) -> None:
    x, y = blobs()
    net, faulty = estimator(), frame(spark, x, y + 1)
    with pytest.raises(DataError) as alone:
        net.fit(faulty)
    models = net.fitMultiple(faulty, grid(net, seed=[1, 2]))
    for _ in range(2):
        with pytest.raises(DataError) as raised:
            next(models)
        assert str(raised.value) == str(alone.value)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"learningRate": [0.1, -1.0]}, ParamError, "learningRate: must be above 0"),
        ({"layers": [[4, 5, 3], [Conv2D(3, 3), Dense(3)]], "inputShape": [[4]]}, NetworkError, "conv2d"),
        ({"numTrainWorkers": [1, 99]}, ClusterError, "99 workers must run at once"),
        ({"featuresCol": ["features", "nothing"]}, DataError, "there is no column 'nothing'"),
    ],
)
def test_params_that_cannot_be_are_refused_before_any_job(
    rows: Any, jobs: list[int], values: dict[str, Any], error: Any, words: str
) -> None:
    net = estimator()
    with pytest.raises(error, match=words):
        list(net.fitMultiple(rows, grid(net, **values)))
    assert not jobs


def test_threads_share_one_job(rows: Any, jobs: list[int]) -> None:
    net = estimator(batchSize=16)
    maps = grid(net, learningRate=[0.01, 0.02, 0.05, 0.1, 0.2, 0.3])
    models = net.fitMultiple(rows, maps)
    with ThreadPoolExecutor(6) as pool:
        made = dict(pool.map(lambda _: next(models), maps))
    assert jobs == [6]
    assert sorted(made) == list(range(6))
    assert [made[k].getLearningRate() for k in range(6)] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.3]


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # CrossValidator's
@BOTH
def test_cross_validators_and_splits_make_a_job_a_fold(rows: Any, jobs: list[int]) -> None:
    net = estimator(batchSize=16)
    maps, accuracy = grid(net, learningRate=[0.001, 0.1]), MulticlassClassificationEvaluator(metricName="accuracy")
    given = {"estimator": net, "estimatorParamMaps": maps, "evaluator": accuracy, "seed": 1, "parallelism": 2}
    found = CrossValidator(numFolds=2, **given).fit(rows)
    assert jobs == [2, 2, 1]
    assert found.avgMetrics[1] > found.avgMetrics[0]
    assert len(TrainValidationSplit(**given).fit(rows).validationMetrics) == 2
    assert jobs == [2, 2, 1, 2, 1]


def test_no_maps_give_no_models(rows: Any) -> None:
    models: Iterator[Any] = estimator().fitMultiple(rows, [])
    assert list(models) == []


def test_observers_hear_of_each_fit_as_of_fits_alone(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []

    class Observer:
        name = "observer"

        def __init__(self, net: Any) -> None:
            self.callbacks, self.rate = [self], net.getLearningRate()

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            heard.append((self.rate, epoch, logs["loss"]))

        def fit_ended(self, model: Any) -> None:
            heard.append((self.rate, model.summary.steps))

        def fit_failed(self, error: BaseException) -> None:
            heard.append((self.rate, type(error)))

    monkeypatch.setitem(observers.OBSERVERS, "observer", Observer)
    net = estimator(maxIter=2)
    maps = grid(net, learningRate=[0.1, 0.2])
    for _ in net.fitMultiple(rows, maps):
        pass
    together, heard[:] = list(heard), []
    for each in maps:
        net.fit(rows, each)
    assert len(heard) == 2 * 3
    assert together == heard
