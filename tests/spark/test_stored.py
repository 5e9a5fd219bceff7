"""Weights in blocks that stay on storage: the same models as those on the driver, with the limit of size lowered."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
from pyspark.sql import functions as F

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import DataError, ModelFormatError, ParamError, SaveError, SizeError
from spark_deepnet.layers import LSTM, Dense, Embedding, LayerNorm
from spark_deepnet.plan import storage
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.weights.on_storage import Stored, write_chunks
from spark_deepnet.spark.weights.parquet import check_apart
from tests.spark.data import blobs, estimator, frame
from tests.spark.test_bad_input import check_sentence

LAYERS = [Dense(70, "relu"), LayerNorm(), Dense(70, "tanh"), Dense(3, "softmax")]
BOTH = pytest.mark.sessions("classic", "connect")
ALSO_SLOWLY = pytest.mark.sessions("classic", slowly="connect")


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    """90 rows, with columns that transform has nothing to do with."""
    x, y = blobs()
    return frame(spark, x, y, number=range(90)).withColumn("more", F.create_map(F.lit("n"), "number")).cache()


@pytest.fixture(scope="module", autouse=True)
def none_on_the_driver() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "DRIVER_WEIGHTS", 4096)
        yield


@pytest.fixture
def all_on_the_driver(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(storage, "DRIVER_WEIGHTS", 1 << 20)


def net(folder: Path | str, **params: Any) -> Any:
    return estimator(layers=LAYERS, numTrainWorkers=2, modelBlocks=2, checkpointDir=str(folder), **params)


@pytest.fixture(scope="module")
def pair(rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of one fit: the model whose weights the driver holds, the one whose weights stay on storage, and where."""
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "DRIVER_WEIGHTS", 1 << 20)
        held = net(folder).fit(rows)
    return held, net(folder).fit(rows), folder


def scored(model: Any, rows: Any) -> list[Any]:
    return model.transform(rows).orderBy("number").collect()


def check_same(found: list[Any], expected: list[Any]) -> None:
    """Rows with all their columns."""
    for row, other in zip(found, expected, strict=True):
        for name in ("features", "label", "number", "more", "prediction"):
            assert row[name] == other[name]
        np.testing.assert_allclose(row.rawPrediction.toArray(), other.rawPrediction.toArray(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(row.probability.toArray(), other.probability.toArray(), rtol=1e-4, atol=1e-6)


@BOTH
def test_it_scores_as_the_model_on_the_driver_does(rows: Any, pair: Any) -> None:
    held, model, folder = pair
    assert model.stored is not None
    assert [path.name.partition("-")[0] for path in folder.iterdir()] == ["weights"], "the job's own files are removed"
    expected = scored(held, rows)
    check_same(scored(model, rows), expected)
    assert model.transform(rows).schema == held.transform(rows).schema
    assert model.transform(rows).limit(2).count() == 2
    assert model.transform(rows.limit(0)).count() == 0
    check_same(scored(model, rows.where("number < 3")), expected[:3])


@ALSO_SLOWLY
def test_it_is_saved_and_loaded_on_storage_and_on_the_driver(
    rows: Any, pair: Any, tmp_path: Path, all_on_the_driver: Callable[[], None]
) -> None:
    held, model, _ = pair
    model.save(f"{tmp_path}/model")
    again = DeepNetModel.load(f"{tmp_path}/model")
    assert again.stored is not None
    check_same(scored(again, rows), scored(held, rows))
    (tmp_path / "copy").mkdir()
    again.write().overwrite().save(f"{tmp_path}/copy")
    all_on_the_driver()
    small = DeepNetModel.load(f"{tmp_path}/copy")
    assert small.weights.keys() == held.weights.keys()
    for name, array in held.weights.items():
        np.testing.assert_array_equal(small.weights[name], array)


def test_it_goes_through_pipelines_and_cross_validators(rows: Any, pair: Any, tmp_path: Path) -> None:
    estimator = net(tmp_path / "fits")
    fitted = Pipeline(stages=[estimator]).fit(rows)
    fitted.save(f"{tmp_path}/pipeline")
    check_same(scored(PipelineModel.load(f"{tmp_path}/pipeline"), rows), scored(pair[0], rows))
    grid = ParamGridBuilder().addGrid(estimator.learningRate, [0.05]).build()
    metric = MulticlassClassificationEvaluator(metricName="accuracy")
    found = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=metric, numFolds=2).fit(rows)
    found.save(f"{tmp_path}/found")
    again = CrossValidatorModel.load(f"{tmp_path}/found")
    assert again.bestModel.stored is not None
    assert metric.evaluate(again.transform(rows)) == metric.evaluate(found.transform(rows))
    gc.collect()


def test_what_it_does_not_do_it_says(rows: Any, pair: Any, tmp_path: Path) -> None:
    _, model, _ = pair
    model.save(f"{tmp_path}/model")
    again = DeepNetModel.load(f"{tmp_path}/model")
    costly = [Dense(70), Dense(70, initializer="orthogonal"), Dense(3, "softmax")]
    refusals: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (SizeError, "weights: .* stay on storage", lambda: model.weights),
        (SizeError, "predict: .* stay on storage", lambda: model.predict([1.0, 2.0, 3.0, 4.0])),
        (ParamError, "checkpointDir: ", lambda: net("").fit(rows)),
        (ParamError, "checkpointDir: ", lambda: net("").explainPlan(rows)),
        (ParamError, "layers: 'dense_2/W': initializer Orthogonal", lambda: net(tmp_path).setLayers(costly).fit(rows)),
        (ParamError, "layers: 'dense_2/W': initializer", lambda: net(tmp_path).setLayers(costly).explainPlan(rows)),
        (SaveError, "would lose them", lambda: again.write().overwrite().save(f"{tmp_path}/model")),
        (DataError, "exists already", lambda: again.transform(rows.withColumn("prediction", F.lit(1)))),
    ]
    for error, words, act in refusals:
        with pytest.raises(error, match=words) as raised:
            act()
        check_sentence(raised.value)
    check_same(scored(again, rows), scored(model, rows))


@ALSO_SLOWLY
def test_its_only_weights_are_not_overwritten(rows: Any, pair: Any) -> None:
    """Under whatever name of whatever folder that they lie in."""
    held, model, folder = pair
    for path in (folder, f"{folder}/", f"file://{folder}", f"{folder}/../{folder.name}", model.stored.path):
        with pytest.raises(SaveError, match="would lose them") as raised:
            model.write().overwrite().save(str(path))
        check_sentence(raised.value)
    check_same(scored(model, rows), scored(held, rows))


def test_no_batch_of_chunks_is_large_though_small_ones_come_first(spark: Any, tmp_path: Path) -> None:
    rows = [(k, bytes(4 << 20 if k else 1 << 10)) for k in range(12)]
    whole = spark.createDataFrame(rows, "number int, data binary").coalesce(1).sortWithinPartitions("number")
    write_chunks(whole, f"{tmp_path}/chunks")
    (file,) = tmp_path.glob("chunks/*.parquet")
    told = pq.read_metadata(file)
    groups = [told.row_group(k) for k in range(told.num_row_groups)]
    assert sum(group.num_rows for group in groups) == 12
    assert max(group.total_byte_size for group in groups) <= (16 << 20) + (1 << 12)


def test_nor_are_those_in_a_hidden_folder() -> None:
    """Which Spark's listing leaves out, so that nothing is asked of it."""
    nothing: Any = None
    for path in ("/runs", "/runs/", "/runs/_fits", "/runs/_fits/weights-1"):
        with pytest.raises(SaveError, match="would lose them"):
            check_apart(nothing, Stored("/runs/_fits/weights-1", 2), path)


def test_where_slots_are_few_it_scores_layer_by_layer(rows: Any, pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held, model, _ = pair
    monkeypatch.setattr(Cluster, "of", lambda spark: Cluster(slots=1))
    found = model.transform(rows)
    assert found.schema == held.transform(rows).schema
    check_same(found.orderBy("number").collect(), scored(held, rows))
    assert model.transform(rows.limit(0)).count() == 0


@pytest.mark.parametrize("slots", [1, 4])
def test_in_a_folder_of_any_name_too(
    rows: Any, pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: int
) -> None:
    held, model, _ = pair
    path = f"{tmp_path}/a[b] {{c}}*%20 ü#?"
    model.save(path)
    monkeypatch.setattr(Cluster, "of", lambda spark: Cluster(slots=slots))
    few = rows.where("number < 9")
    check_same(scored(DeepNetModel.load(path), few), scored(held, few))


@pytest.mark.parametrize("slots", [1, 4])
def test_weights_that_are_no_numbers_end_the_job(
    rows: Any, pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: int
) -> None:
    """Executors do not look at the numbers when such a model is loaded, but where they first read them."""
    pair[1].save(f"{tmp_path}/model")
    for file in (tmp_path / "model" / "data").glob("part-*"):
        table = pq.read_table(file).to_pylist()
        nan = [row | {"data": np.float32("nan").tobytes() + row["data"][4:]} for row in table]
        sound = [row | {"sha256": hashlib.sha256(row["data"]).hexdigest()} for row in nan]
        pq.write_table(pa.Table.from_pylist(sound, pq.read_schema(file)), file, compression="none")
    for crc in (tmp_path / "model").rglob(".*.crc"):
        crc.unlink()
    monkeypatch.setattr(Cluster, "of", lambda spark: Cluster(slots=slots))
    with pytest.raises(Exception, match="NaN or infinite"):
        DeepNetModel.load(f"{tmp_path}/model").transform(rows).collect()


def lose_a_shard(data: Path) -> None:
    max(data.glob("part-*"), key=lambda file: file.stat().st_size).unlink()


def damage_a_shard(data: Path) -> None:
    for file in data.glob(".*.crc"):
        file.unlink()
    file = max(data.glob("part-*"), key=lambda file: file.stat().st_size)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 3] ^= 0xFF
    file.write_bytes(raw)


@pytest.mark.parametrize("damage", [lose_a_shard, damage_a_shard])
def test_a_damaged_shard_is_found_when_it_is_loaded(pair: Any, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    pair[1].save(f"{tmp_path}/model")
    damage(tmp_path / "model" / "data")
    with pytest.raises(ModelFormatError, match="damaged") as raised:
        DeepNetModel.load(f"{tmp_path}/model")
    check_sentence(raised.value)


def test_sequences_of_any_length_and_rows_that_cannot_be_scored(
    spark: Any, tmp_path: Path, all_on_the_driver: Callable[[], None]
) -> None:
    """More rows than a turn takes, each of its own length."""
    rng = np.random.default_rng(0)
    told = [([float(t) for t in rng.integers(0, 9, 1 + i % 7)], float(i % 3), i) for i in range(300)]
    rows = spark.createDataFrame(told, ["features", "label", "number"])
    model = (
        net(tmp_path / "fits")
        .setLayers([Embedding(9, 8), LSTM(40, recurrent_initializer="glorot_uniform"), Dense(3, "softmax")])
        .fit(rows)
    )
    odd = spark.createDataFrame([(None, 0.0, 900), ([1.0, 11.0], 0.0, 901)], rows.schema)
    model.setHandleInvalid("keep")
    found = scored(model, rows.union(odd))
    model.save(f"{tmp_path}/model")
    all_on_the_driver()
    held = DeepNetModel.load(f"{tmp_path}/model")
    assert held.stored is None
    expected = scored(held, rows.union(odd))
    assert np.isnan([row.prediction for row in found[-2:]]).all()
    np.testing.assert_allclose(
        [row.probability.toArray() for row in found], [row.probability.toArray() for row in expected], rtol=1e-4
    )
    model.setHandleInvalid("skip")
    assert model.transform(rows.union(odd)).count() == 300
