"""What a network of the benchmarks is: its layers, a batch of its rows, and the peer's module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

WORDS = 5000


@dataclass(frozen=True)
class Network:
    layers: list[Any]
    shape: tuple[int, ...]
    """Of a row; one axis: word numbers below WORDS."""
    peer: Callable[[], Any]
    """The same network as a module of PyTorch's, which is imported only then."""
    repeats: int
    """How often a step is timed."""
    rows: int = 128
    """Of a batch."""
    classes: int = 10


def data(network: Network, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """x (rows, ...) float32, labels (rows,) int32."""
    chance = np.random.default_rng(7)
    if len(network.shape) == 1:
        x = chance.integers(0, WORDS, (rows, *network.shape)).astype(np.float32)
    else:
        x = chance.standard_normal((rows, *network.shape), dtype=np.float32)
    return x, chance.integers(0, network.classes, rows, dtype=np.int32)
