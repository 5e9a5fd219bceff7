"""Saving and loading: every kind of stage, from one kind of session to the other, and files that are damaged."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import ModelFormatError, SaveError
from spark_deepnet.layers import Dense
from tests.spark import resave
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

pytestmark = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    x, y = blobs(30)
    return frame(spark, x, y, number=range(30)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    return estimator(layers=[Dense(5, "relu"), Dense(3, "softmax")], schedule="cosine", thresholds=[0.2, 0.3, 0.4]).fit(
        rows
    )


@pytest.fixture(scope="module")
def other(rows: Any) -> Any:
    return estimator(seed=1).fit(rows)


@pytest.mark.sessions("classic", slowly="connect")
def test_names_of_layers_may_be_paths_and_numbers(rows: Any, tmp_path: Path) -> None:
    layers = [Dense(5, "relu", name="inception_3a/1x1"), Dense(4, "tanh", name="/conv/Conv"), Dense(3, name="185")]
    model = estimator(layers=layers, maxIter=2).fit(rows)
    model.save(f"{tmp_path}/model")
    again = DeepNetModel.load(f"{tmp_path}/model")
    assert list(again.weights) == [f"{layer.name}/{key}" for key in ("W", "b") for layer in layers]
    assert same(again, model)
    np.testing.assert_array_equal(raw(again, rows), raw(model, rows))
    assert "inception_3a/1x1/relu (relu)" in again.net.summary()


def raw(model: Any, rows: Any) -> np.ndarray:
    return np.array([list(row.rawPrediction) for row in model.transform(rows).orderBy("number").collect()])


def params(stage: Any) -> dict[str, Any]:
    return {param.name: value for param, value in stage.extractParamMap().items()}


@pytest.mark.sessions("classic", slowly="connect")
def test_an_estimator_is_its_params(spark: Any, rows: Any, tmp_path: Path) -> None:
    net = estimator(
        layers=[Dense(5, "relu"), Dense(3, "softmax")], solver="lamb", schedule="cosine", weightCol="number"
    )
    net.save(f"{tmp_path}/net")
    again = DeepNetEstimator.load(f"{tmp_path}/net")
    assert params(again) == params(net)
    assert again.uid == net.uid
    net.write().overwrite().save(f"{tmp_path}/net")
    assert same(DeepNetEstimator.load(f"{tmp_path}/net").fit(rows), net.fit(rows))


def test_a_model_is_saved_overwritten_and_loaded(model: Any, other: Any, rows: Any, tmp_path: Path) -> None:
    path = f"{tmp_path}/model"
    model.save(path)
    again = DeepNetModel.load(path)
    assert same(again, model)
    assert params(again) == params(model)
    assert again.uid == model.uid
    assert again.hasSummary
    assert again.summary == model.summary
    assert again.summary.rowsByRank == model.summary.rowsByRank
    again.save(f"{tmp_path}/again")
    assert DeepNetModel.load(f"{tmp_path}/again").summary == model.summary
    np.testing.assert_array_equal(raw(again, rows), raw(model, rows))
    other.write().overwrite().save(path)
    assert same(DeepNetModel.load(path), other)


@pytest.mark.sessions("classic", slowly="connect")
def test_a_taken_path_is_left_as_it_is(model: Any, other: Any, tmp_path: Path) -> None:
    path = f"{tmp_path}/model"
    model.save(path)
    before = contents(tmp_path)
    for late in other, estimator():
        with pytest.raises(SaveError, match="exists already") as raised:
            late.save(path)
        check_sentence(raised.value)
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_pipelines_and_their_models(rows: Any, tmp_path: Path) -> None:
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    pipeline = Pipeline(stages=[scaler, estimator(featuresCol="scaled")])
    fitted = pipeline.fit(rows)
    for stage, kind in (pipeline, Pipeline), (fitted, PipelineModel):
        path = f"{tmp_path}/{kind.__name__}"
        stage.save(path)
        stage.write().overwrite().save(path)
        again = kind.load(path)
        if kind is Pipeline:
            again = again.fit(rows)
        np.testing.assert_array_equal(raw(again, rows), raw(fitted, rows))


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # upstream's
@pytest.mark.sessions("classic", slowly="connect")
def test_cross_validators_and_their_models(rows: Any, tmp_path: Path) -> None:
    net = estimator()
    grid = ParamGridBuilder().addGrid(net.layers, [[4, 3], [Dense(3, "softmax")]]).build()
    validator = CrossValidator(
        estimator=net,
        estimatorParamMaps=grid,
        evaluator=MulticlassClassificationEvaluator(),
        numFolds=2,
        parallelism=2,
    )
    validator.save(f"{tmp_path}/validator")
    again = CrossValidator.load(f"{tmp_path}/validator")
    assert [list(g.values()) for g in again.getEstimatorParamMaps()] == [list(g.values()) for g in grid]
    found = again.fit(rows)
    found.save(f"{tmp_path}/found")
    found.write().overwrite().save(f"{tmp_path}/found")
    np.testing.assert_array_equal(raw(CrossValidatorModel.load(f"{tmp_path}/found"), rows), raw(found, rows))
    gc.collect()


@pytest.mark.sessions("classic")
def test_files_hold_no_pickle(model: Any, tmp_path: Path) -> None:
    model.save(f"{tmp_path}/model")
    files = contents(tmp_path)
    assert [name for name in files if "part-" not in name and "_SUCCESS" not in name] == []
    assert [name for name, data in files.items() if re.search(rb"\x80[\x02-\x05](\x95|c)|cnumpy|numpy\.", data)] == []


Damage = Callable[[Path], None]


def data_file(model: Path) -> Path:
    """The part of the data that is largest; without the checksum beside it, so that ours is what is tried."""
    for file in (model / "data").glob(".*.crc"):
        file.unlink()
    return max((model / "data").glob("part-*"), key=lambda file: file.stat().st_size)


def cut(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])


def replace_metadata(model: Path, **values: Any) -> None:
    for file in (model / "metadata").glob(".*.crc"):
        file.unlink()
    file = max((model / "metadata").glob("part-*"), key=lambda f: f.stat().st_size)
    file.write_text(json.dumps(json.loads(file.read_text()) | values) + "\n")


DAMAGES: dict[str, Damage] = {
    "data cut short": lambda model: cut(data_file(model), 100),
    "data empty": lambda model: cut(data_file(model), 0),
    "a data file removed": lambda model: data_file(model).unlink(),
    "all data removed": lambda model: shutil.rmtree(model / "data"),
    "metadata removed": lambda model: shutil.rmtree(model / "metadata"),
    "metadata cut short": lambda model: cut(next((model / "metadata").glob("part-*")), 50),
    "of a later format": lambda model: replace_metadata(model, format=99),
    "without an architecture": lambda model: replace_metadata(model, architecture={}),
    "of another architecture": lambda model: replace_metadata(
        model, architecture={"layers": [{"kind": "layers.dense.v1", "units": 2}], "input_shape": [4], "loss": "squared"}
    ),
    "cut otherwise": lambda model: replace_metadata(model, blocks=[{}, {}]),
    "with an unknown Param": lambda model: replace_metadata(model, paramMap={"widht": 3}),
    "with an unknown layer": lambda model: replace_metadata(
        model, architecture={"layers": ["dens"], "input_shape": [4], "loss": "squared"}
    ),
    "of another class": lambda model: replace_metadata(model, **{"class": "pyspark.ml.feature.StandardScalerModel"}),
}


@pytest.fixture(scope="module")
def saved(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    model.save(str(path))
    return path


@pytest.mark.sessions("classic")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_in_one_sentence(saved: Path, tmp_path: Path, damage: str) -> None:
    check_damaged(saved, tmp_path, damage)


@pytest.mark.sessions("connect")  # one for each way in which the client reads
@pytest.mark.parametrize(
    "damage", ["data cut short", "all data removed", "metadata removed", "of another architecture"]
)
def test_and_over_connect(saved: Path, tmp_path: Path, damage: str) -> None:
    check_damaged(saved, tmp_path, damage)


def check_damaged(saved: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    for file in path.rglob(".*.crc"):
        if damage.startswith("metadata"):
            file.unlink()
    DAMAGES[damage](path)
    with pytest.raises(ModelFormatError, match="load: ") as raised:
        DeepNetModel.load(str(path))
    assert str(path) in str(raised.value)
    check_sentence(raised.value)


@pytest.mark.sessions("classic")  # whose reader Connect's server has, too
def test_no_altered_byte_alters_the_model(saved: Path, model: Any, tmp_path: Path) -> None:
    """Some bytes say nothing (Parquet's own version, say): then the model is the one that was saved."""
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    file = data_file(path)
    good = file.read_bytes()
    refused = 0
    for place in range(0, len(good), len(good) // 24):
        file.write_bytes(good[:place] + bytes([good[place] ^ 0x5A]) + good[place + 1 :])
        try:
            assert same(DeepNetModel.load(str(path)), model)
        except ModelFormatError as error:
            check_sentence(error)
            refused += 1
    assert refused > 3


@pytest.mark.sessions("classic")
def test_an_altered_file_beside_its_checksum_is_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "model"
    shutil.copytree(saved, path)
    file = max((path / "data").glob("part-*"), key=lambda f: f.stat().st_size)
    raw = bytearray(file.read_bytes())
    raw[60] ^= 0xFF
    file.write_bytes(raw)
    with pytest.raises(ModelFormatError, match="damaged") as raised:
        DeepNetModel.load(str(path))
    check_sentence(raised.value)


def test_nothing_is_loaded_from_nowhere(spark: Any, tmp_path: Path) -> None:
    for cls in DeepNetModel, DeepNetEstimator:
        with pytest.raises(ModelFormatError, match=f"holds no saved {cls.__name__}") as raised:
            cls.load(f"{tmp_path}/nothing")
        check_sentence(raised.value)


def test_a_model_is_no_estimator(saved: Path) -> None:
    with pytest.raises(ModelFormatError, match="DeepNetEstimator") as raised:
        DeepNetEstimator.load(str(saved))
    check_sentence(raised.value)


@pytest.mark.sessions("connect")
@pytest.mark.slow  # starts a JVM of its own, while others use both cores
def test_a_model_goes_from_connect_to_classic_and_back(spark: Any, rows: Any, tmp_path: Path) -> None:
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    model = Pipeline(stages=[scaler, estimator(featuresCol="scaled")]).fit(rows)
    model.save(f"{tmp_path}/connect")
    rows.coalesce(1).write.parquet(f"{tmp_path}/rows")  # one batch on both sides: bits may depend on it
    stored = spark.read.parquet(f"{tmp_path}/rows")
    classic = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    told = subprocess.run(
        [sys.executable, resave.__file__, f"{tmp_path}/connect", f"{tmp_path}/classic", f"{tmp_path}/rows"],
        env=classic,
        stdout=subprocess.PIPE,
        check=True,
    )
    np.testing.assert_array_equal(json.loads(told.stdout), raw(model, stored))
    np.testing.assert_array_equal(raw(PipelineModel.load(f"{tmp_path}/classic"), stored), raw(model, stored))
