"""Columns that are made once: the same for the same arguments, for as long as the JVM that they belong to."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.spark.columns import kept as module
from spark_deepnet.spark.columns.kept import MAX_KEPT, kept
from tests.spark.data import blobs, estimator, frame, same


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(module, "column_home", lambda: "a JVM")
    return []


def test_a_result_is_kept_for_the_same_arguments_and_jvm(made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    @kept
    def make(n: int) -> list[int]:
        made.append(n)
        return [n]

    assert make(1) is make(1)
    assert make(2) == [2]
    assert made == [1, 2]
    monkeypatch.setattr(module, "column_home", lambda: "another JVM")
    assert make(1) == [1]
    assert made == [1, 2, 1]


def test_only_the_latest_are_kept(made: list[int]) -> None:
    @kept
    def make(n: int) -> None:
        made.append(n)

    for n in [*range(MAX_KEPT), 0, MAX_KEPT, 0, 1]:
        make(n)
    assert made == [*range(MAX_KEPT), MAX_KEPT, 1]


@pytest.mark.sessions("classic", "connect")
def test_kept_columns_serve_other_frames_of_the_same_names(spark: Any) -> None:
    rows = frame(spark, *blobs())
    model = estimator().fit(rows)
    other = frame(spark, *blobs(60, seed=1)).withColumnRenamed("features", "vectors")
    renamed = other.withColumnRenamed("vectors", "features")
    assert same(estimator().fit(rows), model)
    assert same(estimator(featuresCol="vectors").fit(other), estimator().fit(renamed))
    assert not same(estimator().fit(renamed), model)
    assert model.transform(renamed).select("prediction").collect() == (
        model.copy({model.featuresCol: "vectors"}).transform(other).select("prediction").collect()
    )
