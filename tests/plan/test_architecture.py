"""A network with its loss as JSON values."""

from __future__ import annotations

import json

import pytest

from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec, OutputSpec
from tests.cases.nets import NETS, NetCase


@pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
def test_an_architecture_survives_json(case: NetCase) -> None:
    layers = tuple(Layer.of(layer).to_json() for layer in case.layers)
    found = Architecture(layers, (InputSpec(case.x_shape),), Loss.of("squared").to_json())
    again = Architecture.from_json(json.loads(json.dumps(found.to_json())))
    assert again.net() == found.net() == case.net()
    assert again.heads() == found.heads()
    assert again == found


@pytest.mark.parametrize(
    ("loss", "nodes"), [("softmax_cross_entropy", 1), ("squared", 2), ("hinge", 2), ("sigmoid_cross_entropy", 2)]
)
def test_the_loss_sees_what_lies_before_its_own_link(loss: str, nodes: int) -> None:
    found = Architecture((Dense(3, activation="softmax").to_json(),), (InputSpec((4,)),), Loss.of(loss).to_json())
    assert len(found.scores_net().nodes) == nodes
    assert len(found.net().nodes) == 2


def test_several_inputs_survive_json() -> None:
    layers = (
        Input((2,), ("p", "q"), name="a"),
        Input((-1,), name="b"),
        Dense(3, inputs=("b",)),
        Dense(2, inputs=("a",)),
    )
    joined = (*layers, Concatenate(inputs=("dense", "dense_2")))
    entries = (InputSpec((2,), "a", ("p", "q")), InputSpec((3,), "b", steps=True, tokens=9))
    found = Architecture(tuple(layer.to_json() for layer in joined), entries, Loss.of("squared").to_json())
    again = Architecture.from_json(json.loads(json.dumps(found.to_json())))
    assert again.entries == entries
    assert again.net() == found.net()
    assert again.net().inputs == {"a": (2,), "b": (3,)}


def test_each_output_has_its_own_loss_or_the_architectures() -> None:
    layers = (
        Dense(4, name="trunk"),
        Dense(3, "softmax", name="kind"),
        Output("softmax_cross_entropy"),
        Dense(1, name="age", inputs=("trunk",)),
        Output(Loss.of({"kind": "huber", "delta": 2.0}), weight=0.5, name="years"),
        Dense(2, name="size", inputs=("trunk",)),
        Output(),
    )
    found = Architecture(tuple(layer.to_json() for layer in layers), (InputSpec((4,)),), Loss.of("squared").to_json())
    again = Architecture.from_json(json.loads(json.dumps(found.to_json())))
    assert again.heads() == (
        OutputSpec("kind", Loss.of("softmax_cross_entropy"), 1.0, (3,)),
        OutputSpec("years", Loss.of({"kind": "huber", "delta": 2.0}), 0.5, (1,)),
        OutputSpec("size", Loss.of("squared"), 1.0, (2,)),
    )
    assert [out.inputs for out in again.scores_net().outputs] == [("kind",), ("age",), ("size",)]
