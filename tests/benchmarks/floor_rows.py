"""fit and transform beside the least that Spark takes for the same rows, and small fits, which are all set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.harness import Row, in_turns, paired_row, row, seconds
from tests.benchmarks.main_fit_rows import EPOCHS, LAYERS, data, mnist_session, scored, session

REPEATS = 5
SMALL_FITS = 9
SMALL_ROWS, SMALL_EPOCHS = 150, 20
SMALL_LAYERS = [4, 5, 3]
FOLDS, UNITS, GRIDS = 3, (4, 5, 6, 8), 2


def only_read(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The number of rows."""
    yield pd.DataFrame({"rows": [sum(len(frame) for frame in frames)]})


def set_up(name: str) -> Row:
    """A fit without the seconds of its epochs, beside a barrier job of two tasks that reads the same features and labels,
    dealt to them by a shuffle as a fit's are."""
    from pyspark.ml.functions import vector_to_array

    from spark_deepnet import DeepNetEstimator

    spark = mnist_session()
    try:
        train, _ = data(spark)
        net = DeepNetEstimator(
            layers=LAYERS, maxIter=EPOCHS, learningRate=0.008, batchSize=96, numTrainWorkers=2, standardization=False
        )
        epochs, rows = list[float](), train.count()

        def fit() -> None:
            epochs.append(sum(epoch["seconds"] for epoch in net.fit(train).summary.history))

        def floor() -> None:
            sent = train.select(vector_to_array("features", "float32").alias("x"), "label").repartition(2)
            assert sum(r.rows for r in sent.mapInPandas(only_read, "rows long", barrier=True).collect()) == rows

        fits, floors = in_turns((fit, floor), REPEATS)
        set_ups = [whole - training for whole, training in zip(fits, epochs[1:], strict=True)]
        made = paired_row(name, "s", set_ups, floors, "a barrier mapInPandas that reads", 1.5)
        return made | {"note": f"epochs {median(epochs[1:]):.2f}"}
    finally:
        spark.stop()


def transform(name: str) -> Row:
    """All output columns of all rows, beside a pandas UDF over the same features that returns a constant."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    from spark_deepnet import DeepNetEstimator

    def constant(x: pd.Series) -> pd.Series:
        return pd.Series(np.zeros(len(x)))

    spark = mnist_session()
    try:
        udf = F.pandas_udf(constant, "double")  # type: ignore[call-overload]
        train, _ = data(spark)
        model = DeepNetEstimator(layers=LAYERS, maxIter=1, batchSize=96, numTrainWorkers=2, standardization=False).fit(
            train
        )

        def floor() -> None:
            read = train.withColumn("prediction", udf(vector_to_array("features", "float32")))
            read.select("prediction").write.format("noop").mode("overwrite").save()

        times = in_turns((partial(scored, model, train), floor), REPEATS)
        return paired_row(name, "s", *times, "a constant pandas UDF", 1.3)
    finally:
        spark.stop()


def small(spark: Any) -> Any:
    """Three classes around three corners of a cube of four."""
    from pyspark.ml.linalg import Vectors

    y = np.arange(SMALL_ROWS) % 3
    x = np.eye(3, 4)[y] + 0.2 * np.random.default_rng(0).standard_normal((SMALL_ROWS, 4))
    rows = [(Vectors.dense(features), float(label)) for features, label in zip(x, y, strict=True)]
    df = spark.createDataFrame(rows, ["features", "label"]).cache()
    df.count()
    return df


def small_fit(name: str, workers: int, bound: float) -> Row:
    """A warm fit; the note has MLlib's seconds."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier

    spark = session()
    try:
        df = small(spark)
        peer = MultilayerPerceptronClassifier(layers=SMALL_LAYERS, maxIter=SMALL_EPOCHS, seed=1)
        times = in_turns((lambda: small_net(workers).fit(df), lambda: peer.fit(df)), SMALL_FITS)
        ours, mllib = map(median, times)
        return row(name, "s", ours, bound, "the bound", 1.0) | {"note": f"MLlib {mllib:.2f}"}
    finally:
        spark.stop()


def small_net(workers: int) -> Any:
    from spark_deepnet import DeepNetEstimator

    return DeepNetEstimator(
        layers=SMALL_LAYERS, maxIter=SMALL_EPOCHS, batchSize=32, numTrainWorkers=workers, standardization=False
    )


def grid(name: str) -> Row:
    """A CrossValidator of 3 folds and 4 models on two workers; the note has MLlib's seconds."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier

    spark = session()
    try:
        df = small(spark)
        peer = MultilayerPerceptronClassifier(maxIter=SMALL_EPOCHS, seed=1)
        times: dict[Any, list[float]] = {small_net(2): [], peer: []}
        for _ in range(GRIDS):
            for estimator, found in times.items():
                found.append(seconds(validated(estimator, df)))
        ours, mllib = (median(found[1:]) for found in times.values())
        return row(name, "s", ours, 6.0, "the bound", 1.0) | {"note": f"MLlib {mllib:.2f}"}
    finally:
        spark.stop()


def validated(estimator: Any, df: Any) -> Callable[[], Any]:
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    layers = [[4, units, 3] for units in UNITS]
    models = ParamGridBuilder().addGrid(estimator.layers, layers).build()
    return lambda: CrossValidator(
        estimator=estimator,
        estimatorParamMaps=models,
        evaluator=MulticlassClassificationEvaluator(metricName="accuracy"),
        numFolds=FOLDS,
        seed=1,
    ).fit(df)


SET_UP, TRANSFORM = "floor fit MNIST, set-up", "floor transform MNIST"
ONE, TWO, GRID = "floor fit 150 rows, one worker", "floor fit 150 rows, two workers", "floor grid of 3 folds x 4 models"
BENCHES = {
    SET_UP: partial(set_up, SET_UP),
    TRANSFORM: partial(transform, TRANSFORM),
    ONE: partial(small_fit, ONE, 1, 0.6),
    TWO: partial(small_fit, TWO, 2, 0.6),
    GRID: partial(grid, GRID),
}
