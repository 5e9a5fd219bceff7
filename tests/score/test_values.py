"""Values of layers as columns: the numbers of the whole network's nodes, and nothing computed for them in vain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, Source
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers import LSTM, Concatenate, Conv2D, Dense, Flatten, Input, MaxPool2D, Output
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.cut import cut
from spark_deepnet.net.run import Runner
from spark_deepnet.net.wires import values_by_layer
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score.blocks import score_in_blocks
from spark_deepnet.score.output import Output as OutputColumns
from spark_deepnet.score.score import ScorePlan, score
from spark_deepnet.score.streamed import score_streamed
from spark_deepnet.score.values import LayerValue, Wanted, sequences
from tests.exchange.ranks import together

RNG = np.random.default_rng(0)
CONVOLUTIONAL = [
    Conv2D(8, 3, activation="relu", name="conv"),
    MaxPool2D(2, name="pool"),
    Flatten(),
    Dense(300, "tanh", name="wide"),
    Dense(7, "relu", name="narrow"),
    Dense(3, "softmax", name="top"),
]
IMAGE = (8, 8, 2)


def architecture_of(layers: Sequence[Layer], *entries: InputSpec, loss: Any = "softmax_cross_entropy") -> Architecture:
    return Architecture(tuple(layers), entries, None if loss is None else Loss.of(loss))


NET = architecture_of(CONVOLUTIONAL, InputSpec(IMAGE))


def plan_of(
    architecture: Architecture,
    layers: Sequence[str],
    scores: bool = True,
    invalid: str = "error",
    order: Any = ((), ()),
) -> ScorePlan:
    net = architecture.net()
    nodes, names = {node.name: node for node in net.nodes}, values_by_layer(architecture.layers, net.inputs)
    steps = sequences(net, [entry.name for entry in architecture.entries if entry.steps])
    values = tuple(LayerValue.of(layer, nodes[names[layer]], names[layer] in steps, *order) for layer in layers)
    wanted = Wanted(architecture, scores, tuple(value.node for value in values))
    flat = wanted.packed(wanted.net(), architecture.scores_net().layout.init_weights(1))
    outputs = tuple(OutputColumns.of(h.loss, h.units, h.steps, h.name, h.image) for h in architecture.heads())
    sources = tuple(
        Source(entry.shape, entry.name, f"c{k}", **({"kind": STEPS} if entry.steps else {}))
        for k, entry in enumerate(architecture.entries)
        if entry.name in wanted.net().inputs
    )
    digest = repr((architecture, layers, scores))
    return ScorePlan(architecture, outputs if scores else (), sources, invalid, None, digest, flat.tobytes(), values)


def frame_of(plan: ScorePlan, n: int) -> pd.DataFrame:
    chance = np.random.default_rng(3)
    rows = {
        source.columns[0]: [chance.normal(size=source.width).astype(np.float32) for _ in range(n)]
        for source in plan.sources
    }
    return pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in rows.items()})


def value_in_whole(architecture: Architecture, frame: pd.DataFrame, node: str) -> np.ndarray:
    """A node's value in the whole network, that ends there by a fresh run of all nodes before it."""
    net = architecture.net()
    (name,) = net.inputs
    k = next(i for i, each in enumerate(net.nodes) if each.name == node)
    head = replace(net, nodes=net.nodes[: k + 1])
    arrays = architecture.scores_net().layout.named(architecture.scores_net().layout.init_weights(1))
    layout = head.layout
    flat = layout.packed({slot.name: arrays[slot.name] for slot in layout.slots})
    runner = Runner(head, flat, len(frame), training=False)
    runner.feed(len(frame))[name][...] = np.stack(frame.iloc[:, 0]).reshape(-1, *net.inputs[name])
    return runner.forward(len(frame)).copy()


@pytest.mark.parametrize("scores", [True, False], ids=["with scores", "alone"])
@pytest.mark.parametrize(
    ("layer", "node"), [("conv", "conv/relu"), ("pool", "pool"), ("narrow", "narrow/relu"), ("top", "top/softmax")]
)
def test_a_layer_gives_its_value_behind_its_activation(layer: str, node: str, scores: bool) -> None:
    """Bit for bit what the whole network computes there; the scores are as they are without it."""
    plan = plan_of(NET, [layer], scores)
    frame = frame_of(plan, 9)
    (found,) = score(plan, [frame])
    np.testing.assert_array_equal(np.stack(found.value0), value_in_whole(NET, frame, node).reshape(9, -1))
    (alone,) = score(plan_of(NET, []), [frame])
    assert ("raw" in found) == scores
    if scores:
        np.testing.assert_array_equal(np.stack(found.raw), np.stack(alone.raw))


def test_what_lies_behind_the_last_layer_wanted_is_neither_sent_nor_computed() -> None:
    plan = plan_of(NET, ["pool", "conv"], scores=False)
    assert [node.name for node in plan.wanted.net().nodes] == ["conv", "conv/relu", "pool"]
    assert len(plan.weights) < 4 * NET.scores_net().layout.size / 10
    assert [node.name for node in plan_of(NET, ["pool"]).wanted.net().nodes] == [n.name for n in NET.scores_net().nodes]


def test_a_value_is_not_overwritten_by_those_behind_it() -> None:
    """Nor by an activation that could run in place."""
    plan = plan_of(NET, ["pool", "wide", "narrow", "top"])
    frame = frame_of(plan, 5)
    (found,) = score(plan, [frame])
    for k, node in enumerate(["pool", "wide/tanh", "narrow/relu", "top/softmax"]):
        np.testing.assert_array_equal(np.stack(found[f"value{k}"]), value_in_whole(NET, frame, node).reshape(5, -1))


def test_numbers_come_in_the_order_of_the_file() -> None:
    shape = (3, 3, 8)
    held, first = plan_of(NET, ["pool"]), plan_of(NET, ["pool"], order=(shape, (3, 1, 2)))
    frame = frame_of(held, 4)
    a, b = (np.stack(next(iter(score(plan, [frame]))).value0) for plan in (held, first))
    np.testing.assert_array_equal(a.reshape(4, *shape).transpose(0, 3, 1, 2).reshape(4, -1), b)


def test_an_input_that_no_wanted_layer_reads_is_not_asked_for() -> None:
    """And shared weights are there though their owner is not computed."""
    layers = [
        Input((4,), "a", name="a"),
        Dense(3, "relu", name="left"),
        Input((4,), "b", name="b"),
        Dense(3, "relu", name="right", share="left"),
        Concatenate(inputs=("left", "right")),
        Dense(2, name="y"),
    ]
    net = architecture_of(layers, InputSpec((4,), "a"), InputSpec((4,), "b"), loss="squared")
    plan = plan_of(net, ["right"], scores=False)
    assert [source.input for source in plan.sources] == ["b"]
    frame = frame_of(plan, 3)
    (found,) = score(plan, [frame])
    w = net.scores_net().layout.named(net.scores_net().layout.init_weights(1))
    expected = np.maximum(np.stack(frame.iloc[:, 0]) @ w["left/W"] + w["left/b"], 0)
    np.testing.assert_allclose(np.stack(found.value0), expected, rtol=1e-5, atol=1e-6)


def test_a_value_of_every_step_has_each_rows_own_steps() -> None:
    net = architecture_of(
        [LSTM(5, sequences=True, name="steps"), LSTM(4, name="last"), Dense(2)], InputSpec((6, 2), steps=True)
    )
    plan = plan_of(net, ["steps", "last"], scores=False)
    rows = [RNG.normal(size=2 * n).astype(np.float32) for n in (3, 6, 1, 9)]
    (found,) = score(plan, [pd.DataFrame({plan.sources[0].columns[0]: pd.Series(rows, dtype=object)})])
    assert [len(each) for each in found.value0] == [3, 6, 1, 9], "also of rows longer than any before"
    assert {len(step) for each in found.value0 for step in each} == {5}
    assert np.stack(found.value1).shape == (4, 4)
    for k, row in enumerate(rows):
        (alone,) = score(plan, [pd.DataFrame({plan.sources[0].columns[0]: pd.Series([row], dtype=object)})])
        np.testing.assert_allclose(np.stack(found.value0[k]), np.stack(alone.value0[0]), rtol=1e-5, atol=1e-6)


def test_rows_that_cannot_be_scored_have_nan() -> None:
    plan = plan_of(NET, ["conv"], scores=False, invalid="keep")
    frame = frame_of(plan, 3)
    frame.iloc[1, 0] = None
    (found,) = score(plan, [frame])
    assert found.valid.tolist() == [True, False, True]
    assert np.isnan(found.value0[1]).all()
    assert np.isfinite(np.stack(found.value0[[0, 2]])).all()


def test_an_image_of_scores_is_a_vector_of_them() -> None:
    """By the link of its loss: the probabilities of each place."""
    net = architecture_of([Conv2D(3, 3, name="y"), Layer.of("softmax")], InputSpec(IMAGE))
    plan = plan_of(net, ["y"])
    (found,) = score(plan, [frame_of(plan, 4)])
    assert [*found.columns] == ["valid", "prediction", "value0"]
    places, scores = (np.stack(found[name]).reshape(4, 6, 6, 3) for name in ("prediction", "value0"))
    exp = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(places, exp / exp.sum(-1, keepdims=True), rtol=1e-5)


LAYERS_OF_BLOCKS = ["conv", "wide", "narrow", "top"]


@pytest.mark.parametrize("scores", [True, False], ids=["with scores", "alone"])
def test_blocks_give_the_whole_value(scores: bool) -> None:
    """Of layers that are cut too, and of the softmax that scoring leaves out."""
    plan = plan_of(NET, LAYERS_OF_BLOCKS, scores, invalid="keep")
    frames = [frame_of(plan, n) for n in (5, 2)]
    whole, wanted = NET.scores_net(), plan.wanted
    assert cut(whole, 0, 2).layout.size < 0.7 * whole.layout.size, "something is cut"

    def work(channel: Channel) -> list[pd.DataFrame]:
        full = cut(whole, channel.rank, 2)
        arrays = full.layout.named(full.layout.init_weights(1))
        net = cut(whole, channel.rank, 2, ends=wanted.ends, more=wanted.tops)
        weights = net.layout.packed({slot.name: arrays[slot.name] for slot in net.layout.slots})
        return list(score_in_blocks(plan, net, weights, channel, iter([frames[channel.rank]])))

    _check([frame for own in together("memory", 2, work, deadline=20.0) for frame in own], list(score(plan, frames)))


def test_layer_by_layer_it_is_the_same() -> None:
    plan = plan_of(NET, LAYERS_OF_BLOCKS, scores=False)
    frames, asked = [frame_of(plan, n) for n in (5, 2)], []
    views = NET.scores_net().layout.views(NET.scores_net().layout.init_weights(1))

    def weights(node: str) -> Any:
        asked.append(node)
        return views[node]

    _check(list(score_streamed(plan, weights, iter(frames))), list(score(plan, frames)))
    narrow = plan_of(NET, ["conv"], scores=False)
    asked.clear()
    _check(list(score_streamed(narrow, weights, iter(frames))), list(score(narrow, frames)))
    assert asked == ["conv"]


def _check(found: list[pd.DataFrame], expected: list[pd.DataFrame]) -> None:
    for frame, other in zip(found, expected, strict=True):
        assert list(frame.columns) == list(other.columns)
        for name in other.columns:
            a, b = (np.stack(each[name].to_list()) for each in (frame, other))
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_an_output_is_known_by_its_name() -> None:
    layers = [Dense(4, name="trunk"), Output("squared", name="age"), Dense(2, "relu"), Output("hinge")]
    found = values_by_layer(layers, ["features"])
    assert found == {"trunk": "trunk", "age": "trunk", "dense": "dense/relu"}
