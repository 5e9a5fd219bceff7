"""All Params at their defaults beside the defaults of scikit-learn and MLlib, on raw features and raw targets:

    python -m tests.panel               # all tables, about ten minutes
    python -m tests.panel wine adult    # some

A network of one hidden layer of 64 units each, on images and sequences LeNet and an LSTM beside the peers' one; accuracy,
or R2, on a quarter of the rows, means over three splits. A row is reached within half a point (0.02 of R2) of the better
peer.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.ml.classification import MultilayerPerceptronClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense
from tests.panel.tables import TABLES, Table

HIDDEN, SEEDS = 64, 3
TOLERANCE = {False: 0.005, True: 0.02}
"""Of accuracy, of R2."""
LINE = "{:<16} {:>9} {:>9} {:>9}  {}"


def session(master: str) -> SparkSession:
    builder = SparkSession.builder.master(master).appName("panel").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "3g")
    spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def frame(spark: SparkSession, table: Table, rows: np.ndarray) -> DataFrame:
    """Vectors for all; for sequences also an array of the real steps' numbers."""
    x, y, lengths = table.x[rows], table.y[rows], table.lengths
    steps = (
        [None] * len(rows)
        if lengths is None
        else [row[: 12 * n].tolist() for row, n in zip(x, lengths[rows], strict=True)]
    )
    cells = zip(x.tolist(), steps, y.astype(float).tolist(), strict=True)
    made = spark.createDataFrame(list(cells), "x array<double>, steps array<double>, label double")
    df = made.select(array_to_vector("x").alias("features"), "steps", "label").repartition(2).cache()
    df.count()
    return df


def predicted(stage: Any, train: DataFrame, test: DataFrame) -> np.ndarray:
    rows = stage.fit(train).transform(test).select("label", "prediction").collect()
    return np.array(rows)


def score(regression: bool, truth: np.ndarray, prediction: np.ndarray) -> float:
    return float(r2_score(truth, prediction) if regression else (truth == prediction).mean())


def scores(spark: SparkSession, table: Table, seed: int) -> list[float]:
    """Of this library, scikit-learn and MLlib on one split."""
    x, y, regression = table[:3]
    parts = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed, stratify=None if regression else y)
    (train, test), (a, b), (c, d) = (
        (frame(spark, table, p) for p in parts),
        (x[p] for p in parts),
        (y[p] for p in parts),
    )
    classes, sizes = int(y.max()) + 1, [x.shape[1], HIDDEN]
    top = Dense(1) if regression else Dense(classes, "softmax")
    ours = DeepNetEstimator(layers=table.layers or [Dense(HIDDEN, "relu"), top], seed=seed)
    if table.shape:
        ours.setInputShape(list(table.shape))
    if table.lengths is not None:
        ours.setFeaturesCol("steps")
    mllib = LinearRegression() if regression else MultilayerPerceptronClassifier(layers=[*sizes, classes], seed=seed)
    sklearn = (MLPRegressor if regression else MLPClassifier)(hidden_layer_sizes=(HIDDEN,), random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = score(regression, d, sklearn.fit(a, c).predict(b))
    pairs = [predicted(stage, train, test) for stage in (ours, mllib)]
    train.unpersist()
    test.unpersist()
    own, other = (score(regression, pair[:, 0], pair[:, 1]) for pair in pairs)
    return [own, peer, other]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.panel", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"any of {', '.join(TABLES)}; all if none is named")
    parser.add_argument("--master", default="local[2]", help="Spark's master; local[1] where other processes are busy")
    options = parser.parse_args(arguments)
    names = options.tables or list(TABLES)
    if unknown := [name for name in names if name not in TABLES]:
        parser.error(f"there is no {unknown[0]!r}; choose from {', '.join(TABLES)}")
    spark, means, missed = session(options.master), [], 0
    print(LINE.format("table", "ours", "sklearn", "MLlib", ""), flush=True)
    for name in names:
        table = TABLES[name]()
        if table is None:
            print(LINE.format(name, "-", "-", "-", "its data are not on this machine"), flush=True)
            continue
        mean = np.mean([scores(spark, table, seed) for seed in range(SEEDS)], 0)
        reached = mean[0] >= mean[1:].max() - TOLERANCE[table.regression]
        missed, note = missed + (not reached), "" if reached else f"missed by {mean[1:].max() - mean[0]:.4f}"
        print(LINE.format(name, *(f"{each:.4f}" for each in mean), note), flush=True)
        means.append(mean)
    print(LINE.format("mean", *(f"{each:.4f}" for each in np.mean(means, 0)), f"{missed} of {len(means)} missed"))
    spark.stop()
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
