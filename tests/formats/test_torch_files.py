"""Files that PyTorch has exported give its scores here; a LeNet does by either format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.formats import torch
from spark_deepnet.formats.onnx.read import read
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.log_softmax import LogSoftmax
from spark_deepnet.layers.max_pool2d import MaxPool2D
from tests.formats import onnx_files, weight_files

FOLDER = Path(__file__).parent / "torch_files"
LENET = [
    Conv2D(4, 5, activation="relu", name="conv1"),
    MaxPool2D(2),
    Conv2D(6, 5, activation="relu", name="conv2"),
    MaxPool2D(2),
    Flatten(),
    Dense(20, activation="relu", name="fc1"),
    Dense(10, name="fc2"),
    LogSoftmax(),
]


def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / "rows.npz") as file:
        return file[f"{name}/x"], file[f"{name}/y"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.onnx")), ids=lambda path: path.stem)
def test_an_exported_model_computes_the_same(path: Path) -> None:
    x, y = rows(path.stem.rpartition("_")[0])
    foreign = read(path)
    (found,) = onnx_files.scores(foreign, {"x": x}, ["y"])
    np.testing.assert_allclose(found, y, rtol=0, atol=1e-5 * max(1.0, float(np.abs(y).max())))


def test_a_lenet_by_safetensors_and_by_onnx() -> None:
    x, y = rows("lenet")
    arrays = torch.weights(FOLDER / "lenet.safetensors", LENET, (28, 28, 1))
    by_weights = weight_files.scores(LENET, (28, 28, 1), arrays, np.moveaxis(x, 1, -1))
    foreign = read(FOLDER / "lenet_17.onnx")
    (by_graph,) = onnx_files.scores(foreign, {"x": x}, ["y"])
    np.testing.assert_allclose(by_weights, by_graph, rtol=0, atol=1e-5)
    np.testing.assert_allclose(by_weights, y, rtol=0, atol=1e-4)
