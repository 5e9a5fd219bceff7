"""Models of Keras and PyTorch, saved with rows and their scores, for processes that have a PyTorch:
``python -m tests.formats.foreign_models FOLDER [KERAS_FILES]``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras import layers as K  # noqa: N812
from safetensors.torch import save_file
from torch import nn

LENET = [
    nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3), nn.Flatten(),
    nn.Linear(6 * 10 * 10, 12), nn.ReLU(), nn.Linear(12, 5), nn.Softmax(1),
]  # fmt: skip


class Tagger(nn.Module):
    """Tokens to a score, by attributes whose order files do not keep."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.lstm = nn.LSTM(6, 4, num_layers=2, batch_first=True)
        self.gru = nn.GRU(4, 3, batch_first=True, bidirectional=True)
        self.conv = nn.Conv1d(6, 4, 2)
        self.norm = nn.LayerNorm(20)
        self.top = nn.Linear(20, 2)

    def forward(self, tokens: Any) -> Any:
        x = self.words(tokens.long())
        x = self.gru(self.lstm(self.attention(x, x, x)[0])[0])[0]
        return self.top(self.norm(self.conv(x.transpose(1, 2)).flatten(1)))


def image_model() -> Any:
    x = inputs = K.Input((9, 8, 3))
    for layer in (
        K.Conv2D(4, 3, name="first", activation="relu"), K.BatchNormalization(), K.SeparableConv2D(5, 3, depth_multiplier=2),
        K.PReLU(shared_axes=[1, 2]), K.Dropout(0.5), K.DepthwiseConv2D(2, depth_multiplier=2),
        K.Conv2DTranspose(6, (3, 2), strides=2), K.Conv2D(4, 3, groups=2), K.Flatten(), K.Dense(3, name="top"),
    ):  # fmt: skip
        x = layer(x)
    return keras.Model(inputs, x)


def sequence_model() -> Any:
    x = inputs = K.Input((6,))
    x = K.Embedding(11, 6)(x)
    x = K.MultiHeadAttention(2, 3)(x, x)
    x = K.LayerNormalization()(x)
    for layer in (
        K.Bidirectional(K.LSTM(4, return_sequences=True)), K.GRU(3, return_sequences=True),
        K.SimpleRNN(3, return_sequences=True), K.Conv1D(4, 2), K.TimeDistributed(K.Dense(3)), K.LSTM(3), K.Dense(2),
    ):  # fmt: skip
        x = layer(x)
    return keras.Model(inputs, x)


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Weights that no two arrays share; variances above 0."""
    for weight in model.weights:
        if "seed" not in weight.path:
            low = 0.1 if "variance" in weight.path else -0.4
            weight.assign(rng.uniform(low, 0.6, weight.shape))


def save_keras(folder: Path, name: str, model: Any, x: np.ndarray) -> None:
    model.compile("adam", "mse", metrics=["mae"])
    y = model.predict(x, verbose=0)
    model.fit(x, np.zeros_like(y), verbose=0)  # an optimizer with vectors, which files then have too
    randomize(model, np.random.default_rng(1))
    model.save(folder / f"{name}.keras")
    model.save(folder / f"{name}.h5")
    model.save_weights(folder / f"{name}.weights.h5")
    np.savez(folder / f"{name}.npz", x=x, y=model.predict(x, verbose=0))


def save_torch(folder: Path, name: str, model: nn.Module, x: np.ndarray, foreign: np.ndarray) -> None:
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                value.copy_(torch.rand_like(value) * 0.5 + (0.1 if "var" in key else -0.25))
        y = model.eval()(torch.tensor(foreign)).numpy()
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / f"{name}.safetensors")
    np.savez(folder / f"{name}.npz", x=x, y=y)


def xception(weights: Path) -> Any:
    """mini_XCEPTION as its config says it is."""
    x = inputs = K.Input((64, 64, 1))
    for filters in (8, 8):
        x = K.ReLU()(K.BatchNormalization()(K.Conv2D(filters, 3, use_bias=False)(x)))
    for filters in (16, 32, 64, 128):
        rest = K.BatchNormalization()(K.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x))
        x = K.BatchNormalization()(K.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x))
        x = K.SeparableConv2D(filters, 3, padding="same", use_bias=False)(K.ReLU()(x))
        x = K.Add()([K.MaxPooling2D(3, strides=2, padding="same")(K.BatchNormalization()(x)), rest])
    x = K.Softmax()(K.GlobalAveragePooling2D()(K.Conv2D(7, 3, padding="same")(x)))
    model = keras.Model(inputs, x)
    model.load_weights(weights)
    return model


def deepcut(weights: Path) -> Any:
    """deepcut's model of characters and their types."""
    characters, types = K.Input((21,)), K.Input((21,))
    a = K.BatchNormalization()(K.SpatialDropout1D(0.15)(K.Embedding(178, 32)(characters)))
    units = []
    for window in range(1, 13):
        filters = 200 if window < 9 else 150 if window < 12 else 100
        x = K.TimeDistributed(K.Dense(5))(K.Conv1D(filters, window, activation="relu")(a))
        units.append(K.ZeroPadding1D((0, window - 1))(x))
    b = K.SpatialDropout1D(0.15)(K.Embedding(12, 12)(types))
    x = K.BatchNormalization()(K.Concatenate()([a, K.Maximum()(units), b]))
    model = keras.Model([characters, types], K.Dense(1)(K.Dense(100, activation="relu")(K.Flatten()(x))))
    model.load_weights(weights)
    return model


def main(folder: Path, real: Path | None) -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    tokens = rng.integers(0, 11, (4, 6)).astype(np.float32)
    save_keras(folder, "image", image_model(), rng.normal(size=(4, 9, 8, 3)).astype(np.float32))
    save_keras(folder, "sequence", sequence_model(), tokens)
    x = rng.normal(size=(4, 28, 28, 1)).astype(np.float32)
    save_torch(folder, "lenet", nn.Sequential(*LENET), x, x.transpose(0, 3, 1, 2).copy())
    save_torch(folder, "tagger", Tagger(), tokens, tokens)
    if real is not None:
        x = rng.normal(size=(4, 64, 64, 1)).astype(np.float32)
        np.savez(folder / "xception.npz", x=x, y=xception(real / "mini_XCEPTION_KDEF.hdf5").predict(x, verbose=0))
        a, b = rng.integers(0, 178, (4, 21)), rng.integers(0, 12, (4, 21))
        y = deepcut(real / "deepcut_cnn.h5").predict([a, b], verbose=0)
        np.savez(folder / "deepcut.npz", characters=a, types=b, y=y)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
