"""Networks of given layers get the losses that their top layers are links of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.formats.given import given_net, given_network
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.sigmoid import Sigmoid
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec


def losses(layers: Any, loss: Any = None) -> list[str]:
    """The losses of the outputs of layers over rows (2, 3)."""
    net = given_net(layers, (2, 3))
    arrays = {slot.name: np.zeros(slot.weight.shape) for slot in net.layout.slots}
    foreign = given_network(layers, (2, 3), arrays, loss)
    entries = tuple(InputSpec(shape, name) for name, shape in foreign.inputs.items())
    return [head.loss.kind for head in Architecture(foreign.layers, entries, foreign.loss).heads()]


@pytest.mark.parametrize(
    ("top", "loss"),
    [
        (Softmax(), "softmax_cross_entropy"),
        (Softmax(axis=1), "softmax_cross_entropy"),
        (Softmax(axis=0), "squared"),
        (Sigmoid(), "sigmoid_cross_entropy"),
    ],
)
def test_a_softmax_along_another_axis_than_the_last_is_no_link(top: Any, loss: str) -> None:
    assert losses([Dense(4), top]) == [loss]


def test_each_output_has_the_loss_of_its_own_top() -> None:
    outputs = [
        Dense(4, name="a"),
        Softmax(name="p"),
        Output(),
        Sigmoid(inputs=("a",)),
        Output(),
        Output(loss="hinge", inputs=("a",), name="c"),
    ]
    assert losses(outputs) == ["softmax_cross_entropy", "sigmoid_cross_entropy", "hinge"]
    assert losses(outputs, Loss.of("absolute")) == ["absolute", "absolute", "hinge"]
