"""Models from Caffe files in Spark: score, save, load, stand in a Pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.formats import caffe
from tests.cases.caffe_solvers import Reference, SolverCase
from tests.formats.caffe_files import input_text, layer_text, random_arrays, scores, solver_state, written
from tests.shared_data import DATA

LENET = (
    layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", top="conv")
    + layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "conv", "pool")
    + layer_text("InnerProduct", "inner_product_param { num_output: 5 }", "pool", "ip")
    + layer_text("ReLU", "", "ip", "ip", "relu")
    + layer_text("Softmax", "", "ip", "prob")
)
SHAPE = (64, 3, 8, 8)


@pytest.fixture
def lenet(tmp_path: Path) -> tuple[Path, Path]:
    text = input_text(SHAPE) + LENET
    net, _ = written(tmp_path, text)
    return written(tmp_path, text, random_arrays(net))


def rows(spark: SparkSession, x: np.ndarray) -> DataFrame:
    """Vectors of (height, width, channels)."""
    flat = x.transpose(0, 2, 3, 1).reshape(len(x), -1)
    return spark.createDataFrame([(Vectors.dense(row.astype(float)),) for row in flat], ["features"])


def test_a_model_scores_as_the_net(spark: SparkSession, lenet: tuple[Path, Path], tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, *SHAPE[1:])).astype(np.float32)
    expected = scores(caffe.read(*lenet), data=x)["prob"]
    model = DeepNetModel.fromCaffe(*lenet)
    df = rows(spark, x)
    path = str(tmp_path / "model")
    Pipeline(stages=[model]).fit(df).save(path)
    loaded = PipelineModel.load(path)
    for each in (model, loaded):
        scored = each.transform(df).toPandas()
        np.testing.assert_allclose(np.stack(scored.probability.map(lambda v: v.toArray())), expected, atol=1e-6)
        assert scored.prediction.tolist() == expected.argmax(1).tolist()
    assert model.numClasses == 5


def test_outputs_of_several_shapes_are_columns(spark: SparkSession, lenet: tuple[Path, Path]) -> None:
    """An image comes as a vector in the file's order, channels first."""
    x = np.random.default_rng(0).normal(size=(3, *SHAPE[1:])).astype(np.float32)
    pool = scores(caffe.read(*lenet, outputs=["pool"]), data=x)["pool"]
    scored = DeepNetModel.fromCaffe(*lenet, outputs=["pool"]).transform(rows(spark, x)).toPandas()
    found = np.stack(scored.prediction.map(lambda v: v.toArray()))
    np.testing.assert_allclose(found, pool.reshape(3, -1), atol=1e-6)


@pytest.mark.sessions("classic", "connect")
@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_images_of_spark_come_in_the_channels_order_of_the_net(
    spark: SparkSession, lenet: tuple[Path, Path], order: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    struct = "origin string, height int, width int, nChannels int, mode int, data binary"
    values = [(("", 8, 8, 3, 16, bytearray(image.tobytes())),) for image in images]
    df = spark.createDataFrame(values, f"image struct<{struct}>")
    model = DeepNetModel.fromCaffe(*lenet, channelOrder=order, mean=[10.0, 20.0, 30.0], scale=0.01)
    found = np.stack(model.setFeaturesCol("image").transform(df).toPandas().probability.map(lambda v: v.toArray()))
    x = images if order == "bgr" else images[..., ::-1]
    x = (x.astype(np.float32) - [10, 20, 30]) * 0.01
    expected = scores(caffe.read(*lenet), data=x.transpose(0, 3, 1, 2))["prob"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


TRAINING = (
    'layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 20 } }'
    + layer_text("InnerProduct", "inner_product_param { num_output: 3 }", top="ip")
    + layer_text("SoftmaxWithLoss", "", "ip label", "loss")
)


@pytest.mark.sessions("classic", "connect")
def test_training_goes_on_from_weights_and_solver_state(spark: SparkSession, tmp_path: Path) -> None:
    """Iterations 40 to 60, by an estimator that was saved too."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    W, b, v, vb = (0.1 * rng.normal(size=shape) for shape in ((3, 4), (3,), (3, 4), (3,)))
    net, weights = written(tmp_path, TRAINING, {"ip": [W, b]})
    solver, state = tmp_path / "solver.prototxt", tmp_path / "net.solverstate"
    solver.write_text('base_lr: 0.5 momentum: 0.9 weight_decay: 0.1 lr_policy: "poly" power: 1 max_iter: 60')
    state.write_bytes(solver_state(40, v, vb))
    case = SolverCase("", "", lambda i: 1 - i / 60, rate=0.5, momentum=0.9, decay=0.1)
    reference = Reference(case, [W, b], [[v, v], [vb, vb]])
    for iteration in range(40, 60):
        z = x @ reference.w[0].T + reference.w[1]
        d = (np.exp(z) / np.exp(z).sum(1, keepdims=True) - np.eye(3)[labels]) / 20
        reference.step(iteration, [d.T @ x, d.sum(0)])
    pairs = [(Vectors.dense(row), float(label)) for row, label in zip(x, labels, strict=True)]
    df = spark.createDataFrame(pairs, ["features", "label"])
    estimator = DeepNetEstimator.fromCaffe(net, solver, weights, state, inputShape=(4,)).setNumTrainWorkers(1)
    estimator.save(str(tmp_path / "estimator"))
    for each in (estimator, DeepNetEstimator.load(str(tmp_path / "estimator"))):
        model = each.fit(df)
        np.testing.assert_allclose(model.weights["ip/W"].T, reference.w[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.weights["ip/b"], reference.w[1], rtol=1e-5, atol=1e-5)
        assert model.summary.steps == 20


def test_a_net_without_weights_starts_at_random(spark: SparkSession, tmp_path: Path) -> None:
    net, _ = written(tmp_path, TRAINING)
    assert DeepNetEstimator.fromCaffe(net, inputShape=(4,)).getInitialModel() is None


@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent: no real Caffe net scores pictures")
def test_cifar10_quick_scores_png_files(spark: SparkSession, tmp_path: Path) -> None:
    """Spark's image source is BGR; the net was trained on RGB."""
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    count = 200
    with np.load(DATA / "cifar10/cifar10_subset.npz") as cifar:
        images = cifar["x_test"][:count]
    with np.load(DATA / "models/oracle/cifar10_quick_test_subset_prob.npz") as oracle:
        expected = oracle["prob"][:count]
    for number, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{number:04}.png"), np.ascontiguousarray(image[..., ::-1]))
    model = DeepNetModel.fromCaffe(
        DATA / "models/prototxt/examples_cifar10_cifar10_quick.prototxt",
        DATA / "models/caffe/cifar10_quick.caffemodel",
        mean=DATA / "models/caffe/cifar10_mean.binaryproto",
        channelOrder="rgb",
    )
    df = spark.read.format("image").load(str(tmp_path))
    scored = model.setFeaturesCol("image").transform(df).select("image.origin", "probability").toPandas()
    found = np.stack(scored.sort_values("origin").probability.map(lambda v: v.toArray()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
