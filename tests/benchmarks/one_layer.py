"""What benches of single layers share: one layer's forward and backward pass over the same batch as the peer's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Call

BATCH = 128


def data(found: Any) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(7)
    shapes = found.x, found.layer.shape(found.x)
    x, dy = (chance.standard_normal((BATCH, *shape), dtype=np.float32) for shape in shapes)
    return x, dy


def ours(found: Any) -> Callable[[], object]:
    layer, (x, dy), chance = found.layer, data(found), np.random.default_rng(8)
    w, gradients = {}, {}
    for name, weight in layer.weights(found.x).items():
        w[name], gradients[name] = aligned(weight.shape), aligned(weight.shape)
        w[name][...] = chance.normal(size=weight.shape) / np.sqrt(weight.fan_in)
    saved = {name: aligned((BATCH, *s), t or np.float32) for name, (s, t) in layer.saves(found.x).items()}
    y, dx, call = aligned(dy.shape), aligned(x.shape) if found.inner else None, Call(training=True, saved=saved)

    def step() -> None:
        layer.forward(w, x, y, call)
        layer.backward(w, x, y, dy, dx, gradients, call)

    return step
