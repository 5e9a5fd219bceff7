"""Gradients summed while the backward pass goes on: the same weights as without, whatever the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers import LSTM, BatchNorm, Dense
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.train import overlapped
from spark_deepnet.train.overlapped import Overlapped, stretches
from tests.train.fits import CLASSES, N, Rows, fit, plan_of

ROWS = Rows.drawn(N)
DENSE = [Dense(40, name="a"), Dense(40, name="b"), Dense(8, name="c")]
SHARED = [Dense(12, name="a"), Dense(12, name="b"), Dense(12, name="a again", share="a"), Dense(8, name="c")]
NETS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": (DENSE, (20,)),
    "shared": (SHARED, (12,)),
    "steps": ([LSTM(16, name="lstm"), Dense(3, name="top")], (5, 4)),
    "statistics": ([Dense(20), BatchNorm(), Dense(3)], (4,)),
    "no weights": (["relu"], (4,)),
}
every_net = pytest.mark.parametrize("name", NETS)


def layout_of(name: str) -> Layout:
    layers, shape = NETS[name]
    return Layout(Net.of(layers, {INPUT: shape}))


@every_net
@pytest.mark.parametrize("least", [1, 300, 10**6])
def test_stretches_are_the_whole_vector_once(name: str, least: int) -> None:
    layout = layout_of(name)
    found, rest = stretches(layout, least)
    seen = np.zeros(layout.size + 16, int)
    for stretch in (*found.values(), *rest):
        seen[stretch] += 1
    assert (seen == 1).all()
    assert all(stretch.stop - stretch.start >= least for stretch in found.values())


@every_net
def test_a_stretch_is_complete_when_its_node_is_done(name: str) -> None:
    layout = layout_of(name)
    slots = {slot.node: (slot.start, slot.stop) for slot in layout.slots}
    found, _ = stretches(layout, 1)
    passed: list[str] = []
    for node in found:
        passed.append(node)
        inside = [n for n, (start, stop) in slots.items() if found[node].start < stop and start < found[node].stop]
        assert set(inside) & set(found) <= set(passed)


def test_stretches_go_from_the_back_and_short_ones_wait() -> None:
    found, rest = stretches(layout_of("dense"), 1000)
    assert list(found) == ["b"]  # with c, which is too short; a is too, and goes at the end
    assert [stretch.start for stretch in rest] == [0, found["b"].stop]


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node's weights are a stretch."""
    monkeypatch.setattr(overlapped, "MIN_STRETCH_BYTES", 4)


@pytest.mark.usefixtures("_short")
def test_a_rank_without_rows_hands_over_the_same() -> None:
    layout = layout_of("dense")
    vector = np.arange(layout.size + 16, dtype=np.float32)
    handed: list[list[float]] = [[], []]
    for found, nodes in zip(handed, (["c", "b", "a"], []), strict=True):
        summing = Overlapped(layout, vector, lambda part, found=found: found.append(part[0]))
        for _ in range(2):
            for node in nodes:
                summing.done(node)
            summing.finish()
    assert handed[0] == handed[1]
    assert len(handed[0]) == 2 * 4


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("deal", [(30, 30), (0, 60), (20, 20, 20)], ids=str)
def test_a_fit_ends_with_the_same_weights(deal: tuple[int, ...]) -> None:
    layers = (Dense(8, activation="tanh"), Dense(8, activation="tanh"), Dense(CLASSES))
    after, meanwhile = (fit(plan_of(layers=layers, overlap=overlap, epochs=2), ROWS.dealt(*deal)) for overlap in (0, 1))
    if len(deal) == 2:  # a + b = b + a, however the vector is cut
        np.testing.assert_array_equal(meanwhile.weights, after.weights)
    np.testing.assert_allclose(meanwhile.weights, after.weights, rtol=1e-4, atol=1e-5)
    assert meanwhile.losses() == pytest.approx(after.losses(), rel=1e-5)


@pytest.mark.usefixtures("_short")
def test_layers_that_sum_over_ranks_keep_the_channel_to_themselves() -> None:
    layers = (Dense(8), BatchNorm(), Dense(8), Dense(CLASSES))
    after, meanwhile = (
        fit(plan_of(layers=layers, overlap=overlap, epochs=2), ROWS.dealt(30, 30)) for overlap in (0, 1)
    )
    np.testing.assert_array_equal(meanwhile.weights, after.weights)
