"""A grid of 8 models over 3 folds, each fold's in one job, beside the same fits one after another: two slots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.harness import Row, in_turns, paired_row
from tests.benchmarks.main_fit_rows import session

FOLDS, EPOCHS, TURNS = 3, 10, 3
SIZES, RATES = ([64, 32, 10], [64, 64, 10]), (0.001, 0.003, 0.01, 0.03)
NAMES = [f"tuning, {FOLDS} folds of 8 models, digits, {EPOCHS} epochs"]
TARGET = 0.25


def rows() -> Iterator[Row]:
    from pyspark.ml.tuning import ParamGridBuilder

    from spark_deepnet import DeepNetEstimator

    spark = session()
    try:
        net, folds = DeepNetEstimator(maxIter=EPOCHS, seed=1), folds_of(spark)
        grid = ParamGridBuilder().addGrid(net.layers, list(SIZES)).addGrid(net.learningRate, list(RATES)).build()
        together: list[Any] = []
        alone: list[Any] = []

        def in_one_pass() -> None:
            together[:] = [model for fold in folds for _, model in net.fitMultiple(fold, grid)]

        def one_after_another() -> None:
            alone[:] = [net.fit(fold, params) for fold in folds for params in grid]

        times = in_turns((in_one_pass, one_after_another), TURNS)
        assert all(same(*pair) for pair in zip(together, alone, strict=True))
        yield paired_row(NAMES[0], "s", *times, "fits one after another", TARGET)
    finally:
        spark.stop()


def folds_of(spark: Any) -> list[Any]:
    """The training rows of each fold, cached as a CrossValidator does."""
    import pandas as pd
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    frame = pd.DataFrame({"features": list(x), "label": y.astype(np.float64), "fold": np.arange(len(y)) % FOLDS})
    df = spark.createDataFrame(frame)
    folds = [df.where(df.fold != k).cache() for k in range(FOLDS)]
    for fold in folds:
        fold.count()
    return folds


def same(a: Any, b: Any) -> bool:
    """Bit for bit."""
    return all(np.array_equal(a.weights[name], b.weights[name]) for name in b.weights)
