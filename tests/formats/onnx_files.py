"""ONNX files written by the tests, and foreign networks run over rows in the file's order of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spark_deepnet.formats.axes import TO_FOREIGN, TO_HELD, Value
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.net.run import Runner


def scores(foreign: Foreign, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
    """The values of these names, rows first and else in the file's order, for inputs in that order."""
    net = foreign.net()
    n = len(next(iter(inputs.values())))
    runner = Runner(net, foreign.flat(net), n, training=False)
    for name, x in inputs.items():
        value = foreign.names[name]
        x = x[:, None] if x.ndim == 1 else x
        runner.feed(n)[value.node][...] = _turned(x, value, TO_HELD)
    runner.forward(n)
    return [
        _turned(batch.y.copy(), foreign.names[name], TO_FOREIGN)
        for name, batch in zip(outputs, runner.batch(n).outputs, strict=True)
    ]


def _turned(x: np.ndarray, value: Value, orders: Mapping[int, tuple[int, ...]]) -> np.ndarray:
    order = None if value.steps_first else orders.get(x.ndim - 1)
    return x if order is None else x.transpose(0, *order)
