"""A network with its loss as JSON values."""

from __future__ import annotations

import json

import pytest

from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture
from tests.cases.nets import NETS, NetCase


@pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
def test_an_architecture_survives_json(case: NetCase) -> None:
    layers = tuple(Layer.of(layer).to_json() for layer in case.layers)
    found = Architecture(layers, case.x_shape, Loss.of("squared").to_json())
    again = Architecture.from_json(json.loads(json.dumps(found.to_json())))
    assert again.net() == found.net() == case.net()
    assert again.made_loss() == found.made_loss()
    assert again.input_shape == case.x_shape


@pytest.mark.parametrize(
    ("loss", "nodes"), [("softmax_cross_entropy", 1), ("squared", 2), ("hinge", 2), ("sigmoid_cross_entropy", 2)]
)
def test_the_loss_sees_what_lies_before_its_own_link(loss: str, nodes: int) -> None:
    found = Architecture((Dense(3, activation="softmax").to_json(),), (4,), Loss.of(loss).to_json())
    assert len(found.scores_net().nodes) == nodes
    assert len(found.net().nodes) == 2
