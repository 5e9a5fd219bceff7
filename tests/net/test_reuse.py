"""Memory of scoring: few buffers for many values, and the same scores as with a buffer for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.layers import Add, Concatenate, Conv2D, Dense, Flatten, LocalResponseNorm, MaxPool2D
from spark_deepnet.net.buffers import Buffers, scoring_bytes
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.reuse import Reuse
from spark_deepnet.net.run import Runner
from spark_deepnet.score.score import BATCH_ROWS, MAX_VALUE_BYTES, rows_at_once
from tests.benchmarks.networks.table import NETWORKS
from tests.cases.nets import NETS, NetCase

GIB = 1 << 30
N = 5
CONVOLUTIONAL = NetCase(
    "convolutions and pools",
    (
        Conv2D(6, 3, activation="relu", name="trunk"),
        LocalResponseNorm(),
        MaxPool2D(2),
        Conv2D(4, 3, activation="relu", name="left"),
        Conv2D(4, 3, activation="tanh", name="right", inputs=("max_pool2d",)),
        Concatenate(inputs=("left", "right")),
        Flatten(),
        Dense(3, activation="softmax"),
    ),
    (12, 12, 2),
)


@pytest.mark.parametrize("case", [*NETS, CONVOLUTIONAL], ids=lambda case: case.id)
def test_the_scores_are_the_same_bit_for_bit(case: NetCase) -> None:
    """Whatever the memory held before."""
    net = case.net()
    weights = net.layout.init_weights(1)
    kept, reused = (Runner(net, weights, N, training) for training in (True, False))
    shape = (N, *net.inputs[INPUT])
    x = np.random.default_rng(0).normal(size=shape)
    if reused.feed(N)[INPUT].dtype == np.int32:
        x = np.random.default_rng(0).integers(0, 3, shape)
    for flat in (*reused.buffers.values.values(), *reused.buffers.kept.values()):
        flat.view(np.uint8)[...] = 0xFF
    for _ in range(2):
        for runner in (kept, reused):
            runner.feed(N)[INPUT][...] = x
        np.testing.assert_array_equal(reused.forward(N), kept.forward(N))


def test_a_chain_needs_two_buffers() -> None:
    net = Net.of([*(Dense(8, activation="tanh") for _ in range(10)), Dense(8)], {INPUT: (8,)})
    assert Reuse.of(net, 4).sizes == [32, 32]
    assert scoring_bytes(net) == 3 * 32, "with the input's"


def test_a_value_stays_until_its_last_reader() -> None:
    layers = [Dense(8, name="a"), Dense(8, name="b"), Dense(8, name="c"), Add(inputs=("c", "a"))]
    reuse = Reuse.of(Net.of(layers, {INPUT: (8,)}), 4)
    slots = [reuse.values[name] for name in "abc"]
    assert len(set(slots)) == 3
    assert reuse.values["add"] == reuse.values["b"], "which is free by then"


def test_outputs_and_wanted_values_stay_to_the_end() -> None:
    net = Net.of([Dense(8, name=name) for name in "abcd"], {INPUT: (8,)}).narrowed(["a", "d"])
    reuse = Reuse.of(net, 4)
    assert reuse.values["a"] not in {reuse.values[name] for name in "bcd"}


def test_slots_are_few_and_large_enough() -> None:
    """Of the nets of the benchmarks: each value fits its slot, and all slots together are far below all values."""
    for name in ("GoogLeNet 224x224", "AlexNet 227x227"):
        net = Net.of(NETWORKS[name].layers, {INPUT: NETWORKS[name].shape})
        made, values = Buffers(net, 1, np.float32, False), 0
        for node in net.nodes:
            size = int(np.prod(node.shape))
            assert made.values[node.name].size >= size
            values += 4 * size
        assert scoring_bytes(net) < values / 2


def test_a_deep_net_is_planned_in_no_time() -> None:
    net = Net.of([Dense(8 + k % 7) for k in range(3000)], {INPUT: (8,)})
    assert len(Reuse.of(net, 4).sizes) <= 3


def test_as_many_rows_go_at_once_as_fit() -> None:
    net = Net.of(NETWORKS["GoogLeNet 224x224"].layers, {INPUT: (224, 224, 3)})
    rows = rows_at_once(net)
    assert 4 <= rows < BATCH_ROWS
    assert rows * scoring_bytes(net) <= MAX_VALUE_BYTES < (rows + 1) * scoring_bytes(net)
    assert rows_at_once(Net.of([Dense(3)], {INPUT: (4,)})) == BATCH_ROWS
    assert rows_at_once(Net.of([Dense(3)], {INPUT: (1 << 25,)})) == 1
    assert rows_at_once(Net.of([Dense(3)], {INPUT: (1 << 25,)}), [INPUT]) == BATCH_ROWS


PEAK = Path(__file__).with_name("peak_of_scoring.py")


@pytest.mark.skipif(not JIT, reason="takes minutes as plain Python")
def test_a_worker_that_scores_googlenet_stays_below_a_gib() -> None:
    """224 x 224 images in a frame of Spark: the peak of the whole process."""
    done = subprocess.run(
        [sys.executable, str(PEAK)], capture_output=True, text=True, timeout=600, env=os.environ, cwd=PEAK.parents[2]
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["peak"] < GIB, told
