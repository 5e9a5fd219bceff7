"""Rows straight from storage: every column comes through transform as it is, whatever its type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import StandardScaler
from pyspark.ml.linalg import Matrices, MatrixUDT, Vectors, VectorUDT
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, MapType, StringType, StructType

from tests.spark.data import blobs, estimator

X, Y = blobs(30)
ONE = Vectors.sparse(9, {3: 1.0})
CARRIED = {
    "other": (VectorUDT(), ONE),
    "matrix": (MatrixUDT(), Matrices.dense(1, 2, [1.0, 2.0])),
    "vectors": (ArrayType(VectorUDT()), [ONE]),
    "nested": (StructType().add("vector", VectorUDT()), (ONE,)),
    "map": (MapType(StringType(), VectorUDT()), {"a": ONE}),
    "text": (StringType(), "a"),
    "nothing": (StringType(), None),
}
"""Columns that are merely carried along: their type and their value."""


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    """Dense and sparse vectors."""
    schema = StructType().add("features", VectorUDT()).add("label", DoubleType())
    for name, (kind, _) in CARRIED.items():
        schema = schema.add(name, kind)
    carried = [value for _, value in CARRIED.values()]
    vectors = [Vectors.dense(x.astype(float)) for x in X]
    vectors[1] = Vectors.sparse(4, {2: 1.0})
    return spark.createDataFrame([(v, float(y), *carried) for v, y in zip(vectors, Y, strict=True)], schema).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    net = estimator(maxIter=1)
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    return Pipeline(stages=[scaler, net.copy({net.featuresCol: "scaled"})]).fit(rows), net.fit(rows)


def scored(model: Any, df: Any, names: list[str]) -> list[str]:
    return sorted(str(row) for row in model.transform(df).select(*names, "prediction").collect())


@pytest.fixture(scope="module", params=["parquet", "orc"])
def stored(request: pytest.FixtureRequest, rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = str(tmp_path_factory.mktemp("stored") / "rows")
    rows.write.format(request.param).save(path)
    return request.param, path


@pytest.mark.sessions("classic", "connect")
@pytest.mark.parametrize("cached", [False, True])
def test_a_table_is_scored_with_all_its_columns(rows: Any, model: Any, stored: Any, cached: bool) -> None:
    table = rows.sparkSession.read.schema(rows.schema).format(stored[0]).load(stored[1])
    table = table.cache() if cached else table
    for one in model:
        assert scored(one, table, rows.columns) == scored(one, rows, rows.columns)
    if cached:
        table.unpersist()


def test_a_stream_is_scored_with_all_its_columns(rows: Any, model: Any, stored: Any) -> None:
    stream = rows.sparkSession.readStream.schema(rows.schema).format(stored[0]).load(stored[1])
    name = f"scored_{stored[0]}"
    query = model[1].transform(stream).writeStream.format("memory").queryName(name).trigger(availableNow=True).start()
    assert query.awaitTermination(300)
    found = rows.sparkSession.table(name).select(*rows.columns, "prediction").collect()
    assert sorted(map(str, found)) == scored(model[1], rows, rows.columns)


@pytest.mark.sessions("classic", "connect")
def test_vectors_that_lost_their_type_are_read(rows: Any, model: Any, tmp_path: Path) -> None:
    rows.select("features", "label").write.orc(str(tmp_path / "rows"))
    bare = rows.sparkSession.read.orc(str(tmp_path / "rows"))
    assert isinstance(bare.schema["features"].dataType, StructType)
    assert scored(model[1], bare, ["label"]) == scored(model[1], rows, ["label"])
    fitted = estimator(layers=[-1, 5, 3], maxIter=1).fit(bare)
    for name, array in fitted.weights.items():
        np.testing.assert_array_equal(array, model[1].weights[name])


def test_a_column_without_a_type_is_carried_along(rows: Any, model: Any, tmp_path: Path) -> None:
    rows.select("features", "label").write.parquet(str(tmp_path / "rows"))
    table = rows.sparkSession.read.parquet(str(tmp_path / "rows")).withColumn("void", F.lit(None))
    assert model[1].transform(table).count() == len(Y)
    assert model[1].transform(table).first().void is None


def test_the_network_runs_once_and_the_scan_reads_what_is_wanted(rows: Any, model: Any, tmp_path: Path) -> None:
    rows.write.parquet(str(tmp_path / "rows"))
    out = model[1].transform(rows.sparkSession.read.parquet(str(tmp_path / "rows")).where("label < 2"))
    plan = out.select("prediction", "probability")._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython") == 1
    assert "Batched: true" in plan
    assert "LessThan(label,2.0)" in plan.partition("PushedFilters")[2]
    assert "ReadSchema: struct<features:struct<type:tinyint" in plan
    assert "matrix" not in plan
