"""Nets and weights that Caffe wrote, where shared data are present."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import Source, Target
from spark_deepnet.errors import FormatError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe.training import read_training
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.schedules.schedule import Schedule
from tests.formats.caffe_files import count_permutes, scores
from tests.shared_data import DATA
from tests.train.fits import fit, plan_of

MODELS = DATA / "models"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"{MODELS} is absent: real Caffe files are not read")
IMAGENET_MEAN = np.zeros((3, 256, 256), np.float32)
NEEDS = {
    "lenet_v1_train_test": {"input_shape": (28, 28, 1)},
    "cifar10_quick_train_test": {"mean": MODELS / "caffe/cifar10_mean.binaryproto"},
    "examples_mnist_mnist_autoencoder": {"input_shape": (28, 28, 1), "stages": ("test-on-test",)},
    "models_bvlc_alexnet_train_val": {"mean": IMAGENET_MEAN},
    "models_bvlc_googlenet_train_val": {"input_shape": (256, 256, 3)},
}
NETS = sorted(file for file in MODELS.glob("*/*.prototxt") if "solver" not in file.stem) if MODELS.is_dir() else []


def oracle(name: str) -> dict[str, np.ndarray]:
    with np.load(MODELS / "oracle" / f"{name}.npz") as arrays:
        return dict(arrays)


def mnist(name: str, skipped: int) -> np.ndarray:
    with gzip.open(DATA / "mnist" / f"t10k-{name}-ubyte.gz") as file:
        return np.frombuffer(file.read()[skipped:], np.uint8)


@pytest.mark.parametrize("phase", ["train", "test"])
@pytest.mark.parametrize("net", NETS, ids=lambda file: file.stem)
def test_a_net_is_read(net: Path, phase: str) -> None:
    """Only losses, and in training the targets that a net computes, ask for columns of their own."""
    found = caffe.read(net, phase=phase, **NEEDS.get(net.stem, {})).net()
    assert found.layout.count > 1000
    assert count_permutes(found) == (8 if "320" in net.stem else 0)


def test_lenet() -> None:
    images = mnist("images-idx3", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    labels = mnist("labels-idx1", 8)
    net, weights = MODELS / "prototxt/examples_mnist_lenet.prototxt", MODELS / "caffe/lenet.caffemodel"
    prob = scores(caffe.read(net, weights, scale=1 / 256), data=images)["prob"]
    np.testing.assert_allclose(prob, oracle("lenet_t10k_prob")["prob"], rtol=0, atol=1e-5)
    assert (prob.argmax(1) == labels).mean() == 0.9914


def test_lenet_of_the_old_form() -> None:
    images = mnist("images-idx3", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    net, weights = MODELS / "caffe/lenet_v1.prototxt", MODELS / "caffe/lenet_v1_iter_5000.caffemodel"
    prob = scores(caffe.read(net, weights, scale=1 / 256), data=images)["prob"]
    assert (prob.argmax(1) == mnist("labels-idx1", 8)).mean() == 0.9893


def test_cifar10_quick() -> None:
    with np.load(DATA / "cifar10/cifar10_subset.npz") as cifar:
        x, labels = cifar["x_test"].transpose(0, 3, 1, 2).astype(np.float32), cifar["y_test"]
    net, weights = (
        MODELS / "prototxt/examples_cifar10_cifar10_quick.prototxt",
        MODELS / "caffe/cifar10_quick.caffemodel",
    )
    prob = scores(caffe.read(net, weights, mean=MODELS / "caffe/cifar10_mean.binaryproto"), data=x)["prob"]
    np.testing.assert_allclose(prob, oracle("cifar10_quick_test_subset_prob")["prob"], rtol=0, atol=1e-5)
    assert (prob.argmax(1) == labels.reshape(-1)).mean() == 0.6975


@pytest.mark.parametrize("name", ["slim-320", "RFB-320", "triplet"])
def test_nets_with_permutes_and_reshapes(name: str) -> None:
    foreign = caffe.read(MODELS / f"caffe/{name}.prototxt", MODELS / f"caffe/{name}.caffemodel")
    shape = (1, 1, 64, 64) if name == "triplet" else (1, 3, 240, 320)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = scores(foreign, **{next(iter(foreign.inputs)): x})
    expected = oracle(f"{name}_opencv")
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, rtol=0, atol=1e-4)


def test_a_mean_file_is_asked_for() -> None:
    with pytest.raises(FormatError, match=r"mean_file is 'data/ilsvrc12/imagenet_mean.binaryproto'.*give mean="):
        caffe.read(MODELS / "prototxt/models_bvlc_alexnet_train_val.prototxt")


def test_googlenet_trains_with_its_three_losses() -> None:
    """Three steps over two images of random numbers: the loss is the sum of three by their weights, and falls."""
    foreign = caffe.read(
        MODELS / "prototxt/models_bvlc_googlenet_train_val.prototxt", phase="train", input_shape=(224, 224, 3)
    )
    layers = tuple(replace(layer, rate=0.0) if isinstance(layer, Dropout) else layer for layer in foreign.layers)
    sources = (Source((224, 224, 3), "data"),)
    plan = plan_of(
        layers,
        entries=(InputSpec((224, 224, 3), "data"),),
        columns={
            "sources": sources,
            "targets": tuple(Target("label", classes=1000, column=f"label {k}" if k else "label") for k in range(3)),
        },
        learning_rate=0.001,
        batch_size=2,
        epochs=3,
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 224 * 224 * 3)).astype(np.float32)
    labels = {f"label {k}" if k else "label": [3.0, 5.0] for k in range(3)}
    history = fit(plan, [[pd.DataFrame({sources[0].columns[0]: list(images), **labels})]]).history
    first, last = history[0], history[-1]
    three = [first[f"loss{k}/classifier_loss"] for k in (3, 1, 2)]
    assert first["loss"] == pytest.approx(three[0] + 0.3 * three[1] + 0.3 * three[2])
    assert last["loss"] < first["loss"]


def test_a_solver_and_its_state() -> None:
    """LeNet after 5,000 of 10,000 iterations."""
    folder = MODELS / "caffe"
    read = read_training(
        folder / "lenet_v1_train_test.prototxt",
        folder / "lenet_v1_solver.prototxt",
        folder / "lenet_v1_iter_5000.caffemodel",
        folder / "lenet_v1_iter_5000.solverstate",
        input_shape=(28, 28, 1),
    )
    assert (read.params["batchSize"], read.params["maxSteps"]) == (64, 5000)
    schedule = Schedule.of(read.params["schedule"])
    rate = schedule.rate(read.params["learningRate"], 5000 * 64, 60_000, 10)
    assert rate == pytest.approx(0.01 * (1 + 0.0001 * 5000) ** -0.75)
    assert read.state is not None
    assert read.state.iteration == 5000
    shapes = {name: array.shape for name, array in read.foreign.weights.items()}
    assert {name: array.shape for name, array in read.state.vectors["v"].items()} == shapes
    rates = {layer.name: layer.rates for layer in read.foreign.layers if layer.rates}
    assert rates == {name: {"b": 2.0} for name in ("conv1", "conv2", "ip1", "ip2")}


def test_a_state_of_another_net() -> None:
    folder = MODELS / "caffe"
    with pytest.raises(FormatError, match="it is the state of another net"):
        read_training(
            folder / "lenet_v1_train_test.prototxt",
            folder / "lenet_v1_solver.prototxt",
            state=folder / "cifar10_quick.solverstate",
            input_shape=(28, 28, 1),
        )
