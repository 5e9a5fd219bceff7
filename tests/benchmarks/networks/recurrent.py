"""Recurrent networks over sequences, whose last step is classified."""

from __future__ import annotations

from typing import Any

from spark_deepnet.layers import GRU, LSTM, Dense, Embedding, SimpleRNN
from tests.benchmarks.networks.network import WORDS, Network


def peer(kind: str, features: int, units: int) -> Any:
    from torch import nn

    from tests.benchmarks.networks.torch_parts import Last

    return nn.Sequential(Last(getattr(nn, kind)(features, units, batch_first=True)), nn.Linear(units, 10))


def torch_text() -> Any:
    from torch import nn

    return nn.Sequential(nn.Embedding(WORDS, 64), *peer("LSTM", 64, 128))


NETWORKS = {
    "RNN 28x28-128": Network([SimpleRNN(128), Dense(10)], (28, 28), lambda: peer("RNN", 28, 128), 30),
    "LSTM 28x28-128": Network([LSTM(128), Dense(10)], (28, 28), lambda: peer("LSTM", 28, 128), 20),
    "LSTM 100x64-256": Network([LSTM(256), Dense(10)], (100, 64), lambda: peer("LSTM", 64, 256), 5),
    "GRU 28x28-128": Network([GRU(128), Dense(10)], (28, 28), lambda: peer("GRU", 28, 128), 20),
    "Embedding and LSTM 50x64-128": Network([Embedding(WORDS, 64), LSTM(128), Dense(10)], (50,), torch_text, 10),
}
