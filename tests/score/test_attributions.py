"""Integrated gradients of all kinds of networks: their sum is what the score gains over the baseline's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, Source
from spark_deepnet.layers import LSTM, BatchNorm, Conv2D, Dense, Dropout, Embedding, Flatten, Input, Normalization
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.handles import layers_of
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score.attributions import Attributions
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import ScorePlan, score
from tests.data.frames import arrays, lists, sources

X = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)


def plan_of(layers: Any, entries: tuple[InputSpec, ...], kinds: tuple[Source, ...], loss: str) -> ScorePlan:
    """Of random weights, those of statistics too."""
    net = Architecture(
        tuple(layer if isinstance(layer, dict) else layer.to_json() for layer in layers),
        entries,
        Loss.of(loss).to_json(),
    )
    layout = net.scores_net().layout
    weights, rng = layout.init_weights(1), np.random.default_rng(2)
    for slot in layout.slots:
        if not slot.weight.trained:
            slot.view(weights)[...] = rng.uniform(0.5, 1.5, slot.weight.shape)
    outputs = tuple(Output.of(head.loss, head.units) for head in net.heads())
    return ScorePlan(net, outputs, kinds, "error", None, repr(net), weights.tobytes())


def attributed(plan: ScorePlan, frame: pd.DataFrame, **more: Any) -> list[pd.DataFrame]:
    inputs = tuple(entry.name for entry in plan.architecture.entries if not entry.tokens)
    told = {"inputs": inputs, "by_step": tuple(e.steps for e in plan.architecture.entries if not e.tokens), "output": 0}
    told |= {"baselines": {name: np.zeros(()) for name in inputs}, "target": None, "steps": 64}
    attributions = Attributions(**told | {"binary": plan.outputs[0].binary} | more)
    cuts = [frame.iloc[:7], frame.iloc[7:7], frame.iloc[7:]]
    return list(attributions.frames(plan, cuts))


def raw(plan: ScorePlan, frame: pd.DataFrame) -> np.ndarray:
    scored = next(score(plan, [frame]))
    return np.stack(scored["raw" if "raw" in scored else "prediction"]).reshape(len(frame), -1)


def sums(frames: list[pd.DataFrame]) -> np.ndarray:
    """Over all features of a row."""
    found = pd.concat(frames, ignore_index=True)
    assert found.valid.all()
    columns = [name for name in found if name != "valid"]
    return np.array([sum(np.sum([np.sum(c) for c in row[name]]) for name in columns) for _, row in found.iterrows()])


NETS: dict[str, tuple[Any, InputSpec, str]] = {
    "dense": ((Dense(8, "tanh"), Dense(3)), InputSpec((12,)), "softmax_cross_entropy"),
    "kinks": ((Dense(8, "relu"), Dropout(0.5), Dense(3)), InputSpec((12,)), "softmax_cross_entropy"),
    "statistics": ((Normalization(), Dense(8), BatchNorm(), Dense(3)), InputSpec((12,)), "softmax_cross_entropy"),
    "images": ((Conv2D(4, 2), Flatten(), Dense(2)), InputSpec((3, 2, 2)), "softmax_cross_entropy"),
    "a number": ((Dense(5, "tanh"), Dense(1), Normalization(True)), InputSpec((12,)), "squared"),
    "one score": ((Dense(5, "tanh"), Dense(1)), InputSpec((12,)), "sigmoid_cross_entropy"),
}


@pytest.mark.parametrize("name", NETS)
def test_they_add_up_to_what_the_score_gains(name: str) -> None:
    layers, entry, loss = NETS[name]
    plan = plan_of(layers, (entry,), (Source(entry.shape, name="f"),), loss)
    frame, none = arrays(list(X)), arrays(list(np.zeros((1, 12), np.float32)))
    scores, start = raw(plan, frame), raw(plan, none)
    predicted = scores.argmax(1)
    gains = scores[np.arange(len(X)), predicted] - start[0, predicted]
    tolerance = 0.05 * float(np.abs(gains).max()) if name == "kinks" else 2e-4
    np.testing.assert_allclose(sums(attributed(plan, frame)), gains, atol=tolerance)


def test_of_a_linear_net_they_are_weight_times_distance() -> None:
    plan = plan_of((Dense(3),), (InputSpec((12,)),), sources(12, "f"), "softmax_cross_entropy")
    w = plan.architecture.scores_net().layout.named(np.frombuffer(plan.weights, np.float32))["dense/W"]
    for target in range(3):
        found = pd.concat(attributed(plan, arrays(list(X)), target=target, baselines={"features": X[0]}, steps=1))
        np.testing.assert_allclose(np.stack(found.value0), (X - X[0]) * w[:, target], rtol=1e-4, atol=1e-5)


def test_of_one_score_class_0_has_the_negatives() -> None:
    layers, entry, loss = NETS["one score"]
    plan = plan_of(layers, (entry,), sources(12, "f"), loss)
    no, yes, predicted = (sums(attributed(plan, arrays(list(X)), target=target)) for target in (0, 1, None))
    np.testing.assert_array_equal(no, -yes)
    np.testing.assert_array_equal(predicted, np.where(raw(plan, arrays(list(X)))[:, 1] > 0, yes, no))


def test_sequences_have_them_step_by_step() -> None:
    lengths = np.arange(40) % 5
    cells = [X[k, : 2 * n].reshape(-1) for k, n in enumerate(lengths)]
    entry = InputSpec((4, 2), steps=True)
    plan = plan_of((LSTM(5), Dense(2)), (entry,), (Source((4, 2), name="f", kind=STEPS),), "softmax_cross_entropy")
    frame = pd.DataFrame({"features x": lists(cells)})
    found = attributed(plan, frame)
    assert [[len(row) for row in part.value0] for part in found] == [list(lengths[:7]), [], list(lengths[7:])]
    zeros = pd.DataFrame({"features x": lists([0 * cell for cell in cells])})
    scores, start = raw(plan, frame), raw(plan, zeros)
    rows, predicted = np.arange(40), scores.argmax(1)
    np.testing.assert_allclose(sums(found), (scores - start)[rows, predicted], atol=2e-4)


def test_numbers_beside_tokens() -> None:
    """Tokens stay as they are: what they add is in both scores. An input that two layers read gets the sum."""
    numbers, tokens = Input(name="numbers"), Input(name="tokens")
    joined = [Dense(4, "tanh")(numbers), Dense(4)(numbers), Flatten()(Embedding(10, 4)(tokens))]
    layers = layers_of([Dense(3)(joined_sum(joined))])
    entries = InputSpec((12,), "numbers"), InputSpec((1,), "tokens", tokens=10)
    kinds = Source((12,), "numbers", "f"), Source((1,), "tokens", "t", tokens=10)
    plan = plan_of(layers, entries, kinds, "softmax_cross_entropy")
    ids = lists([np.array([k % 10], np.float32) for k in range(len(X))])
    frame = pd.DataFrame({"numbers x": lists(list(X)), "tokens x": ids})
    none = frame.assign(**{"numbers x": lists([0 * x for x in X])})
    scores, start = raw(plan, frame), raw(plan, none)
    rows, predicted = np.arange(len(X)), scores.argmax(1)
    np.testing.assert_allclose(sums(attributed(plan, frame)), (scores - start)[rows, predicted], atol=2e-4)


def joined_sum(handles: list[Any]) -> Any:
    return Layer.of("add")(*handles)


def test_rows_that_cannot_be_scored_follow_handle_invalid() -> None:
    layers, entry, loss = NETS["dense"]
    plan = replace(plan_of(layers, (entry,), sources(12, "f"), loss), invalid="keep")
    broken = [X[0], None, np.where(np.arange(12) == 3, np.nan, X[2]), X[3]]
    found = next(iter(attributed(plan, arrays(broken))))
    assert list(found.valid) == [True, False, False, True]
    assert [np.isnan(row).all() for row in found.value0] == [False, True, True, False]
