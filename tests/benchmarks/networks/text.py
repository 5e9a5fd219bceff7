"""A convolutional network over words (Kim, EMNLP 2014): windows of 3, 4 and 5 words, the largest of each filter."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import Concatenate, Conv1D, Dense, Dropout, Embedding, GlobalMaxPool1D
from tests.benchmarks.networks.network import WORDS, Network

CHANNELS, STEPS = 128, 64
SIZES = (3, 4, 5)


def words() -> list[Any]:
    layers: list[Any] = [Embedding(WORDS, CHANNELS, name="words")]
    for size in SIZES:
        layers += [Conv1D(CHANNELS, size, activation="relu", inputs=("words",)), GlobalMaxPool1D(name=f"of_{size}")]
    return [*layers, Concatenate(inputs=tuple(f"of_{size}" for size in SIZES)), Dropout(0.5), Dense(10)]


def torch_words() -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Branches, Largest, Transposed

    branches = [nn.Sequential(nn.Conv1d(CHANNELS, CHANNELS, size), nn.ReLU(), Largest()) for size in SIZES]
    top = Branches(branches), nn.Dropout(0.5), nn.Linear(CHANNELS * len(SIZES), 10)
    return nn.Sequential(nn.Embedding(WORDS, CHANNELS), Transposed(), *top)


NETWORKS = {"text CNN 64x128": Network(words(), (STEPS,), torch_words, 15)}
