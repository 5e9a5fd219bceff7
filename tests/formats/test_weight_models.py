"""Whole models that Keras and PyTorch have saved give their scores here; skipped where there is no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.formats import keras, torch
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.prelu import PRelu
from spark_deepnet.layers.relu import Relu
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.simple_rnn import SimpleRNN
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.layers.zero_padding2d import ZeroPadding2D
from tests.formats.weight_files import scores
from tests.shared_data import DATA

REAL = DATA / "models/keras"
XCEPTION, DEEPCUT = REAL / "mini_XCEPTION_KDEF.hdf5", REAL / "deepcut_cnn.h5"
IMAGE = [
    Conv2D(4, 3, activation="relu", name="first"), BatchNorm(), Conv2D(8, 3, groups=4, bias=False), Conv2D(5, 1), PRelu(),
    Dropout(0.5), Conv2D(10, 2, groups=5), Conv2DTranspose(6, (3, 2), strides=2), Conv2D(4, 3, groups=2), Flatten(),
    Dense(3, name="top"),
]  # fmt: skip
SEQUENCE = [
    Embedding(11, 6), MultiHeadAttention(2, 3), LayerNorm(), Bidirectional(LSTM(4, sequences=True)), GRU(3, sequences=True),
    SimpleRNN(3, sequences=True), Conv1D(4, 2), Dense(3), LSTM(3), Dense(2),
]  # fmt: skip
LENET = [
    Conv2D(4, 5), MaxPool2D(2), Relu(), BatchNorm(epsilon=1e-5), Conv2D(6, 3), Flatten(), Dense(12), Relu(), Dense(5),
    Softmax(),
]  # fmt: skip
TAGGER = [
    Embedding(11, 6), MultiHeadAttention(2), LSTM(4, sequences=True), LSTM(4, sequences=True),
    Bidirectional(GRU(3, sequences=True)), Conv1D(4, 2), Flatten(), LayerNorm(epsilon=1e-5), Dense(2),
]  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of ``foreign_models``, saved by a process that has PyTorch and Keras."""
    if find_spec("torch") is None or find_spec("keras") is None:
        pytest.skip("needs PyTorch and Keras, which are not installed")
    folder = tmp_path_factory.mktemp("models")
    command = [
        sys.executable,
        "-m",
        "tests.formats.foreign_models",
        str(folder),
        *([str(REAL)] if REAL.exists() else []),
    ]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True, timeout=300)
    return folder


def assert_same(folder: Path, name: str, layers: Any, shape: Any, arrays: dict[str, np.ndarray]) -> None:
    with np.load(folder / f"{name}.npz") as file:
        x, y = file["x"], file["y"]
    np.testing.assert_allclose(scores(layers, shape, arrays, x), y, rtol=1e-5, atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_models_of_keras(suffix: str, saved: Path) -> None:
    assert_same(saved, "image", IMAGE, (9, 8, 3), keras.weights(saved / f"image{suffix}", IMAGE, (9, 8, 3)))
    assert_same(saved, "sequence", SEQUENCE, (6,), keras.weights(saved / f"sequence{suffix}", SEQUENCE, (6,)))


def test_models_of_torch(saved: Path) -> None:
    assert_same(saved, "lenet", LENET, (28, 28, 1), torch.weights(saved / "lenet.safetensors", LENET, (28, 28, 1)))
    assert_same(saved, "tagger", TAGGER, (6,), torch.weights(saved / "tagger.safetensors", TAGGER, (6,)))


def xception() -> Any:
    x: Any = Input()
    for _ in range(2):
        x = Relu()(BatchNorm()(Conv2D(8, 3, bias=False)(x)))
    for filters, before in ((16, 8), (32, 16), (64, 32), (128, 64)):
        main = x
        for channels, between in ((before, True), (filters, False)):
            main = Conv2D(channels, 3, groups=channels, padding="same", bias=False)(main)
            main = BatchNorm()(Conv2D(filters, 1, bias=False)(main))
            main = Relu()(main) if between else MaxPool2D(3, strides=2, padding="same")(main)
        rest = BatchNorm()(Conv2D(filters, 1, strides=2, padding="same", bias=False)(x))
        x = Add()(main, rest)
    return Softmax()(GlobalAveragePool2D()(Conv2D(7, 3, padding="same")(x)))


@pytest.mark.skipif(not XCEPTION.exists(), reason="needs the real models, which are not here")
def test_a_real_model_of_separable_convolutions(saved: Path) -> None:
    layers, shape = xception(), (64, 64, 1)
    assert_same(saved, "xception", layers, shape, keras.weights(XCEPTION, layers, shape))


def deepcut() -> Any:
    """Thai characters and their types around a place to whether a word begins there (deepcut's model)."""
    characters, types = Input(name="characters"), Input(name="types")
    a = BatchNorm(name="first")(Embedding(178, 32)(characters))
    units = []
    for window in range(1, 13):
        filters = 200 if window < 9 else 150 if window < 12 else 100
        x = Dense(5)(Conv1D(filters, window, activation="relu")(a))
        rows = 22 - window
        padded = ZeroPadding2D(((0, window - 1), (0, 0)))(Reshape((rows, 1, 5))(x))
        units.append(Reshape((21, 5))(padded))
    x = Concatenate()(a, Maximum()(*units), Embedding(12, 12)(types))
    return Dense(1)(Dense(100, activation="relu")(Flatten()(BatchNorm(name="second")(x))))


@pytest.mark.skipif(not DEEPCUT.exists(), reason="needs the real models, which are not here")
def test_a_real_model_of_two_inputs(saved: Path) -> None:
    shapes = {"characters": (21,), "types": (21,)}
    arrays = keras.weights(DEEPCUT, deepcut(), shapes)
    with np.load(saved / "deepcut.npz") as file:
        y, x = file["y"], {name: file[name] for name in shapes}
    np.testing.assert_allclose(scores(deepcut(), shapes, arrays, x), y, rtol=1e-5, atol=1e-5 * np.abs(y).max())
