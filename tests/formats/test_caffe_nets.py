"""What nets as a whole become: losses, phases, inputs, shared weights, forms of old files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.errors import FormatError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.random_crop import RandomCrop
from spark_deepnet.losses.loss import Loss
from tests.formats.caffe_files import (
    binaryproto,
    count_permutes,
    held,
    input_text,
    layer_text,
    random_arrays,
    scores,
    written,
)

N, K = 6, 4
DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } %s }\n'
IP = layer_text("InnerProduct", "inner_product_param { num_output: 4 }", top="ip")


def read(folder: Path, text: str, **options: object) -> Foreign:
    net, _ = written(folder, text)
    return caffe.read(net, phase="train", **options)


def outputs(foreign: Foreign) -> list[Output]:
    return [layer for layer in foreign.layers if isinstance(layer, Output)]


def softmax_loss(z: np.ndarray, t: np.ndarray) -> float:
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(N), t]).mean())


def hinge(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - np.where(np.eye(K)[t] > 0, 1, -1) * z)


def logistic(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(z)) - t * z


LOSSES: list[tuple[str, str, bool, Callable[..., float]]] = [
    ("SoftmaxWithLoss", "", True, softmax_loss),
    ("SoftmaxWithLoss", "loss_weight: 0.3", True, lambda z, t: 0.3 * softmax_loss(z, t)),
    ("SoftmaxWithLoss", "loss_param { normalization: BATCH_SIZE }", True, softmax_loss),
    ("HingeLoss", "", True, lambda z, t: hinge(z, t).sum() / N),
    ("HingeLoss", "hinge_loss_param { norm: L2 }", True, lambda z, t: (hinge(z, t) ** 2).sum() / N),
    ("EuclideanLoss", "loss_weight: 2", False, lambda z, t: 2 * ((z - t) ** 2).sum() / (2 * N)),
    ("SigmoidCrossEntropyLoss", "", False, lambda z, t: logistic(z, t).sum() / N),
    (
        "SigmoidCrossEntropyLoss",
        "loss_param { normalization: VALID }",
        False,
        lambda z, t: logistic(z, t).sum() / (N * K),
    ),
]


@pytest.mark.parametrize(("kind", "options", "classes", "expected"), LOSSES)
def test_a_loss_is_that_of_caffe(
    kind: str, options: str, classes: bool, expected: Callable[..., float], tmp_path: Path
) -> None:
    foreign = read(tmp_path, DATA % "" + IP + layer_text(kind, options, "ip label", "loss"), input_shape=(5,))
    (output,) = outputs(foreign)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, K)).astype(np.float32)
    t = rng.integers(0, K, N).astype(np.int32) if classes else rng.uniform(size=(N, K)).astype(np.float32)
    weights = np.full(N, 1 / N, np.float32)
    loss = output.weight * Loss.of(output.loss).measure(z, t, weights, np.empty_like(z))
    assert loss == pytest.approx(expected(z.astype(np.float64), t), rel=1e-5)
    assert output.column is None


def test_multinomial_logistic_loss_takes_the_place_of_its_softmax(tmp_path: Path) -> None:
    text = (
        IP + layer_text("Softmax", "", "ip", "prob") + layer_text("MultinomialLogisticLoss", "", "prob label", "loss")
    )
    (output,) = outputs(read(tmp_path, DATA % "" + text, input_shape=(5,)))
    assert (output.inputs, Loss.of(output.loss).kind) == (("ip",), "softmax_cross_entropy")
    with pytest.raises(FormatError, match="its scores must come from a Softmax layer, found InnerProduct"):
        read(tmp_path, DATA % "" + IP + layer_text("MultinomialLogisticLoss", "", "ip label", "l"), input_shape=(5,))


def test_losses_in_the_middle_come_behind_the_last(tmp_path: Path) -> None:
    """The prediction columns are those of the loss with the largest weight; losses of weight 0 are left out."""
    tail = layer_text("InnerProduct", "inner_product_param { num_output: 3 }", "ip", "end")
    losses = (
        layer_text("SoftmaxWithLoss", "loss_weight: 0.3", "ip label", "l1")
        + layer_text("SoftmaxWithLoss", "", "end label", "l2")
        + layer_text("EuclideanLoss", "loss_weight: 0", "ip data", "l3")
        + layer_text("Accuracy", "", "end label", "accuracy")
    )
    foreign = read(tmp_path, DATA % "" + IP + tail + losses, input_shape=(5,))
    assert [(out.inputs, out.weight) for out in outputs(foreign)] == [(("end",), 1.0), (("ip",), pytest.approx(0.3))]
    assert [out.layer.name for out in foreign.net().outputs] == ["end", "ip"]


def test_a_target_that_the_net_computes_is_a_column_of_its_name(tmp_path: Path) -> None:
    text = layer_text("Flatten", top="flat") + layer_text(
        "InnerProduct", "inner_product_param { num_output: 12 }", top="ip"
    )
    loss = layer_text("EuclideanLoss", "", "ip flat", "loss")
    foreign = read(tmp_path, DATA % "" + text + loss, input_shape=(2, 2, 3))
    assert [out.column for out in outputs(foreign)] == ["flat"]


def test_what_accuracy_alone_reads_is_an_output_and_what_silence_reads_is_not(tmp_path: Path) -> None:
    text = (
        input_text((1, 4))
        + layer_text("Slice", "slice_param { slice_point: 1 }", top="a b")
        + 'layer { name: "silence" type: "Silence" bottom: "a" }\n'
        + layer_text("Accuracy", "", "b data", "accuracy")
    )
    net, _ = written(tmp_path, text)
    foreign = caffe.read(net)
    assert (foreign.net().shape, list(foreign.names)) == ((3,), ["data", "b"])


def test_the_phase_decides_which_layers_there_are(tmp_path: Path) -> None:
    text = (
        input_text((1, 5))
        + layer_text("ReLU", "include { phase: TRAIN }", name="train")
        + layer_text("TanH", 'include { phase: TEST not_stage: "deploy" }', name="test")
        + layer_text("Sigmoid", 'include { phase: TEST stage: "deploy" min_level: 1 max_level: 2 }', name="deploy")
    )
    net, _ = written(tmp_path, text)

    def only(**options: object) -> str:
        return str(caffe.read(net, **options).net().nodes[-1].name)

    assert only(phase="train") == "train"
    assert only() == "test"
    assert only(stages=("deploy",), level=1) == "deploy"
    with pytest.raises(FormatError, match=r"reads 'y'|no layer whose values"):
        only(stages=("deploy",), level=3)


def test_shared_weights_are_one_layer_s(tmp_path: Path) -> None:
    """A siamese net: both branches are trained together."""
    names = 'param { name: "w" } param { name: "b" }'
    options = f"{names} inner_product_param {{ num_output: 3 }}"
    text = (
        input_text((2, 5), "a")
        + input_text((2, 5), "b")
        + layer_text("InnerProduct", options, "a", "ip_a")
        + layer_text("InnerProduct", options, "b", "ip_b")
        + layer_text("Eltwise", "", "ip_a ip_b")
    )
    net, _ = written(tmp_path, text)
    net, weights = written(tmp_path, text, random_arrays(net))
    foreign = caffe.read(net, weights)
    assert set(foreign.weights) == {"ip_a/W", "ip_a/b"}
    a, b = np.random.default_rng(0).normal(size=(2, 2, 5)).astype(np.float32)
    W, bias = foreign.weights["ip_a/W"], foreign.weights["ip_a/b"]
    np.testing.assert_allclose(scores(foreign, a=a, b=b)["y"], (a + b) @ W + 2 * bias, rtol=1e-5, atol=1e-5)
    assert [layer.column for layer in foreign.layers if isinstance(layer, Input)] == ["a", "b"]


def test_preprocessing_is_in_caffe_s_order(tmp_path: Path) -> None:
    """Mean, crop, mirror, scale; in scoring the crop is the middle, and of the mean image too."""
    mean = np.random.default_rng(0).normal(size=(3, 6, 7)).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(binaryproto(mean))
    transform = 'transform_param { crop_size: 4 mirror: true scale: 0.5 mean_file: "somewhere" }'
    net, _ = written(tmp_path, DATA % transform + layer_text("AbsVal"))
    foreign = caffe.read(net, mean=tmp_path / "mean.binaryproto")
    assert foreign.inputs == {"data": (6, 7, 3)}
    assert [layer.kind for layer in foreign.layers] == [
        "input",
        "mean_image",
        "random_crop",
        "random_flip",
        "rescaling",
        "abs",
    ]
    x = np.random.default_rng(1).normal(size=(2, 3, 6, 7)).astype(np.float32)
    expected = np.abs(0.5 * (x - mean))[:, :, 1:5, 1:5]
    np.testing.assert_allclose(scores(foreign, data=x)["y"], expected, rtol=1e-5, atol=1e-6)


def test_every_data_layer_has_its_own_preprocessing(tmp_path: Path) -> None:
    def data(name: str, scale: float) -> str:
        sizes = "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 4 }"
        options = f"{sizes} transform_param {{ scale: {scale} }}"
        return f'layer {{ name: "{name}" type: "MemoryData" top: "{name}" top: "{name} label" {options} }}\n'

    net, _ = written(tmp_path, data("a", 0.5) + data("b", 2) + layer_text("Eltwise", "", "a b"))
    a, b = np.random.default_rng(0).normal(size=(2, 2, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(scores(caffe.read(net), a=a, b=b)["y"], 0.5 * a + 2 * b, rtol=1e-6)


def test_images_larger_than_the_crop_are_said_by_input_shape(tmp_path: Path) -> None:
    net, _ = written(
        tmp_path, DATA % "transform_param { crop_size: 4 mean_value: 1 mean_value: 2 }" + layer_text("ReLU")
    )
    assert caffe.read(net).inputs == {"data": (4, 4, 2)}
    foreign = caffe.read(net, input_shape=(6, 5, 2))
    assert foreign.inputs == {"data": (6, 5, 2)}
    assert any(isinstance(layer, RandomCrop) for layer in foreign.layers)


def test_values_have_the_file_s_names(tmp_path: Path) -> None:
    """In place too: a name is that of its last layer, and the shape that of the file."""
    text = input_text((1, 3, 8, 8)) + layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
    net, _ = written(tmp_path, text + layer_text("ReLU", "", "y", "y", "relu"))
    names = caffe.read(net).names
    assert (names["y"].node, names["y"].shape) == ("relu", (4, 6, 6))
    assert (names["data"].node, names["data"].held) == ("data", (8, 8, 3))


def test_three_rewrites_leave_no_permute_around_layers_of_the_file_s_order(tmp_path: Path) -> None:
    text = (
        input_text((1, 3, 8, 8))
        + layer_text("Flatten", "flatten_param { axis: 2 }", top="a")
        + layer_text("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: 8 dim: 8 } }", "a", "b")
        + layer_text("InnerProduct", "inner_product_param { num_output: 4 }", "b", "c")
        + layer_text("Reshape", "reshape_param { shape { dim: 0 dim: 4 dim: 1 dim: 1 } }", "c", "d")
        + layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }", "d", "e")
    )
    net, _ = written(tmp_path, text)
    net, weights = written(tmp_path, text, random_arrays(net))
    rewritten, plain = (caffe.read(net, weights, rewrites=on) for on in (True, False))
    assert (count_permutes(rewritten.net()), count_permutes(plain.net())) == (1, 6)
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(scores(rewritten, data=x)["e"], scores(plain, data=x)["e"], rtol=0, atol=1e-6)
    flat = caffe.read(net, weights, outputs=["a"])
    (values,) = scores(flat, data=x).values()
    np.testing.assert_array_equal(values, x.reshape(2, 3, 64))
    assert held(x).shape == (2, 8, 8, 3)


def test_old_files_are_on_the_same_path(tmp_path: Path) -> None:
    """V1: types in capitals, multipliers and the scale of data in fields of their own."""
    text = """
    layers { name: "data" type: DATA top: "data" top: "label" data_param { batch_size: 4 scale: 0.5 } }
    layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
             weight_decay: 0 inner_product_param { num_output: 3 } }
    layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }
    """
    foreign = read(tmp_path, text, input_shape=(5,))
    assert [layer.kind for layer in foreign.layers] == ["input", "rescaling", "dense", "output"]
