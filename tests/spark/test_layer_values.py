"""outputLayers in Spark: any layer's values as columns, of fitted models and of those from files."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import DataFrame

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import DataError, ModelFormatError, ParamError
from spark_deepnet.formats import caffe
from spark_deepnet.layers import Conv2D, Dense, Flatten, Input
from spark_deepnet.plan import storage
from spark_deepnet.spark.layer_values import file_values_from_json
from tests.formats.caffe_files import input_text, layer_text, random_arrays, scores, written
from tests.spark.data import blobs, estimator, frame
from tests.spark.test_bad_input import check_sentence

EXAMPLES = Path(__file__).parents[2] / "examples"
BOTH = pytest.mark.sessions("classic", "connect")
ALSO_SLOWLY = pytest.mark.sessions("classic", slowly="connect")
LAYERS = [Dense(70, "relu", name="first"), Dense(70, "tanh", name="second"), Dense(3, "softmax", name="top")]


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    x, y = blobs()
    return frame(spark, x, y, number=range(90)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> DeepNetModel:
    return estimator(layers=LAYERS).fit(rows)


def vectors(scored: DataFrame, *names: str) -> list[np.ndarray]:
    """The columns, by one job."""
    rows = scored.orderBy("number").select(*names).collect()
    return [np.stack([row[name].toArray() for row in rows]) for name in names]


def check_schema(predicted: Any, scored: DataFrame) -> None:
    assert [(f.name, f.dataType, f.metadata) for f in predicted] == [
        (f.name, f.dataType, f.metadata) for f in scored.schema
    ]


def alone(model: DeepNetModel, *layers: str, **params: Any) -> DeepNetModel:
    """With these layers as columns and without scores."""
    columns = [f"of_{layer}" for layer in layers]
    none = {"predictionCol": "", "rawPredictionCol": "", "probabilityCol": ""}
    return model.copy({"outputLayers": list(layers), "outputCols": columns} | none | params)


@BOTH
def test_layers_are_columns_beside_the_scores_or_alone(rows: Any, model: DeepNetModel) -> None:
    x, w = blobs()[0], model.weights
    first = np.maximum(x @ w["first/W"] + w["first/b"], 0)
    both = model.copy({"outputLayers": ["top", "first"], "outputCols": ["p", "h"]})
    scored = both.transform(rows)
    h, p, probability = vectors(scored, "h", "p", "probability")
    np.testing.assert_allclose(h, first, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(p, probability)
    check_schema(both.transformSchema(rows.schema), scored)
    assert scored.schema["h"].metadata == {"ml_attr": {"num_attrs": 70}}
    features = alone(model, "first").transform(rows)
    assert features.columns == [*rows.columns, "of_first"]
    np.testing.assert_array_equal(vectors(features, "of_first"), [h])
    assert model.transform(rows).columns == [*rows.columns, "prediction", "rawPrediction", "probability"]


@ALSO_SLOWLY
def test_a_pipeline_fits_what_stands_behind(rows: Any, tmp_path: Path) -> None:
    """The Params are the estimator's as well, and the model's that is loaded."""
    net = alone(estimator(layers=LAYERS), "second")  # type: ignore[arg-type]
    regression = LogisticRegression(featuresCol="of_second", maxIter=10)
    fitted = Pipeline(stages=[net, regression]).fit(rows)
    path = f"{tmp_path}/pipeline"
    fitted.save(path)
    scored = PipelineModel.load(path).transform(rows)
    assert MulticlassClassificationEvaluator(metricName="accuracy").evaluate(scored) > 0.9
    np.testing.assert_array_equal(vectors(scored, "of_second"), vectors(fitted.transform(rows), "of_second"))


@ALSO_SLOWLY
def test_weights_in_blocks_give_values_too(
    rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: DeepNetModel
) -> None:
    path = f"{tmp_path}/model"
    model.save(path)
    monkeypatch.setattr(storage, "DRIVER_WEIGHTS", 4096)
    net = estimator(layers=LAYERS, modelBlocks=2, numTrainWorkers=2, checkpointDir=f"{tmp_path}/fit")
    stored = net.setInitialModel(model).setMaxIter(1).setLearningRate(1e-30).fit(rows)
    assert stored.stored is not None
    names = ["first", "second", "top"]
    whole, blocks = (alone(each, *names).transform(rows) for each in (model, stored))
    found, expected = (vectors(scored, *(f"of_{name}" for name in names)) for scored in (blocks, whole))
    for name, a, b in zip(names, found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)


MISTAKES = [
    ({"outputLayers": ["frist"], "outputCols": ["h"]}, ParamError, ("outputLayers", "'frist'", "'first'")),
    ({"outputLayers": ["features"], "outputCols": ["h"]}, ParamError, ("'features'", "is an input")),
    ({"outputLayers": ["first"]}, ParamError, ("outputCols", "1 layers", "0 columns")),
    ({"outputCols": ["h"]}, ParamError, ("0 layers", "1 columns")),
    ({"outputLayers": ["first", "top"], "outputCols": ["h"]}, ParamError, ("2 layers", "1 columns")),
    ({"outputLayers": ["first", "top"], "outputCols": ["h", "h"]}, ParamError, ("different names", "'h', 'h'")),
    ({"outputLayers": ["first"], "outputCols": [""]}, ParamError, ("none of them empty",)),
    ({"outputLayers": ["first"], "outputCols": ["number"]}, DataError, ("'number'", "exists already")),
    ({"outputLayers": ["first"], "outputCols": ["Number"]}, DataError, ("'number'", "exists already")),
    ({"outputLayers": ["first"], "outputCols": ["prediction"]}, DataError, ("different names", "'prediction'")),
]


@pytest.mark.parametrize(("params", "error", "parts"), MISTAKES, ids=[str(params) for params, _, _ in MISTAKES])
def test_mistakes_are_told_before_any_job(
    rows: Any, model: DeepNetModel, params: dict[str, Any], error: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(error) as raised:
        model.copy(params).transform(rows)
    check_mistake(raised.value, parts)
    if error is ParamError:  # which columns are there when something is scored is not known in fit
        with pytest.raises(error) as raised:
            estimator(layers=LAYERS, **params).fit(rows)
        check_mistake(raised.value, parts)


def check_mistake(error: BaseException, parts: tuple[str, ...]) -> None:
    check_sentence(error)
    assert all(part in str(error) for part in parts), error


NET = (
    layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", top="conv")
    + layer_text("ReLU", "", "conv", "conv", "relu")
    + layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "conv", "pool")
    + layer_text("Flatten", "", "pool", "flat")
    + layer_text("InnerProduct", "inner_product_param { num_output: 5 }", "flat", "ip")
    + layer_text("Softmax", "", "ip", "prob")
)
SHAPE = (2, 3, 8, 7)
BLOBS = ["conv", "pool", "flat", "ip", "prob"]


@ALSO_SLOWLY
def test_a_caffe_nets_blobs_come_as_caffe_has_them(spark: Any, tmp_path: Path) -> None:
    """Channels first, and by the file's names: what the last layer in place has made, before and behind save and load."""
    text = input_text(SHAPE) + NET
    net, _ = written(tmp_path, text)
    files = written(tmp_path, text, random_arrays(net))
    x = np.random.default_rng(0).normal(size=(6, *SHAPE[1:])).astype(np.float32)
    expected = {}
    for name in BLOBS:
        (value,) = scores(caffe.read(*files, outputs=[name]), data=x).values()
        expected[name] = value.reshape(6, -1)
    flat = x.transpose(0, 2, 3, 1).reshape(6, -1).astype(float)
    df = spark.createDataFrame([(row.tolist(), k) for k, row in enumerate(flat)], "features array<float>, number int")
    model = alone(DeepNetModel.fromCaffe(*files), *BLOBS, "relu")
    model.save(f"{tmp_path}/model")
    for each in (model, DeepNetModel.load(f"{tmp_path}/model")):
        conv, *others, relu = vectors(each.transform(df), *(f"of_{name}" for name in (*BLOBS, "relu")))
        for name, value in zip(BLOBS, (conv, *others), strict=True):
            np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(relu, conv)


def test_names_of_a_file_that_are_not_of_the_model_are_damage(model: DeepNetModel) -> None:
    good = {"a": ["first", [7, 10], [2, 1]], "b": ["top", [], []]}
    assert file_values_from_json(good, model.architecture)["a"].order == (2, 1)
    assert file_values_from_json(None, model.architecture) == {}
    for wrong in (
        [], {"a": ["no", [], []]}, {"a": ["first"]}, {"a": ["first", [7, 10], [1, 1]]}, {"a": ["first", [70], [2]]},
        {"a": ["first", [-7, -10], [1, 2]]}, {"a": ["first", [7, 11], [1, 2]]}, {"a": ["first", ["7"], [1]]}, {"a": 3},
    ):  # fmt: skip
        with pytest.raises(ModelFormatError, match="names of a file's values"):
            file_values_from_json(wrong, model.architecture)


def test_an_image_of_scores_is_a_vector(spark: Any) -> None:
    layers = [Conv2D(2, 3, name="y")]
    weights = {"y/W": np.ones((3, 3, 1, 2), np.float32), "y/b": np.arange(2, dtype=np.float32)}
    model = DeepNetModel.fromWeights(layers, (4, 4, 1), weights)
    df = spark.createDataFrame([([1.0] * 16,)], "features array<float>")
    (row,) = model.transform(df).collect()
    assert row.prediction.toArray().tolist() == [9, 10] * 4
    check_schema(model.transformSchema(df.schema), model.transform(df))
    assert model.predict(np.ones(16)).toArray().tolist() == [9, 10] * 4


def test_columns_that_no_wanted_layer_reads_need_not_be_there(spark: Any) -> None:
    layers = [
        Input((2,), "a", name="a"), Dense(2, name="left"), Input((2, 2, 1), "b", name="b"), Flatten(name="right"),
        Dense(2, inputs=("right",), name="r"), {"kind": "add", "inputs": ("left", "r")},
    ]  # fmt: skip
    weights = {f"{name}/W": np.ones((n, 2), np.float32) for name, n in (("left", 2), ("r", 4))}
    weights |= {f"{name}/b": np.zeros(2, np.float32) for name in ("left", "r")}
    model = DeepNetModel.fromWeights(layers, {"a": (2,), "b": (2, 2, 1)}, weights)
    df = spark.createDataFrame([([1.0, 2.0],)], "a array<float>")
    assert alone(model, "left").transform(df).collect()[0].of_left.toArray().tolist() == [3, 3]
    with pytest.raises(DataError, match="'b'"):
        alone(model, "r").transform(df)


@ALSO_SLOWLY
def test_a_featurizer_of_images_and_a_new_top(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's net and images: a Pipeline saved and loaded, and a fit that leaves the net's own layers as they are."""
    monkeypatch.syspath_prepend(EXAMPLES)
    images, labels = import_module("caffe_data").moved_digits(range(5, 10), seed=7)
    rows = [("", 12, 12, 1, 0, bytearray(image.tobytes())) for image in images[:300]]
    values = list(zip(rows, (labels - 5.0).tolist(), range(300), strict=False))
    struct = "struct<origin string, height int, width int, nChannels int, mode int, data binary>"
    df = spark.createDataFrame(values, f"image {struct}, label double, number int")
    net = DeepNetModel.fromCaffe(
        *(EXAMPLES / "caffe" / f"digits.{end}" for end in ("prototxt", "caffemodel")), scale=1 / 255
    )
    net.setFeaturesCol("image")
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    found = {}
    for layer in ("data", "pool2"):
        stages = [alone(net, layer), LogisticRegression(featuresCol=f"of_{layer}", maxIter=10)]
        fitted = Pipeline(stages=stages).fit(df.where("number < 200"))
        fitted.save(f"{tmp_path}/{layer}")
        found[layer] = accuracy.evaluate(PipelineModel.load(f"{tmp_path}/{layer}").transform(df.where("number >= 200")))
    assert found["pool2"] > found["data"] + 0.15
    trunk = [replace(layer, trainable=False) for layer in net.architecture.layers[:-2]]
    new = estimator(layers=[*trunk, Dense(5, "softmax", name="top")], featuresCol="image").setInitialModel(net)
    weights = new.fit(df).weights
    assert all(
        np.array_equal(weights[name], net.weights[name]) for name in ("conv1/W", "conv1/b", "conv2/W", "conv2/b")
    )
