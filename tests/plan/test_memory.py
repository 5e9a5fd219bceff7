"""Memory predicted against memory allocated."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.dummy import dummy_table
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import BYTES, STEPS, VECTOR, Columns, Source, Target
from spark_deepnet.data.table import Dense as DenseRows
from spark_deepnet.data.table import Sparse, Table
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.forecast.memory import ROW_KEY_BYTES, memory, nodes, row_bytes
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.net import cut
from spark_deepnet.net.buffers import Buffers, buffer_bytes
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.train.block import Block
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.cases.nets import NETS, NetCase
from tests.data.frames import ordered
from tests.data.shards import read_shard
from tests.train.fits import Rows, plan_of

CAPACITY = 5000  # so many rows that numbers outweigh Python's own objects
OTHERS = [
    NetCase("convolutions", (Conv2D(3, 3, activation="relu"), MaxPool2D(2, 2), Flatten(), Dense(2)), (8, 8, 2)),
    NetCase("normalised", (Dense(8), BatchNorm(), "relu", Dense(3))),
    NetCase("recurrent", (LSTM(4, sequences=True), LSTM(3), Dense(2)), (6, 2)),
]


@pytest.mark.parametrize("case", [*NETS, *OTHERS], ids=lambda case: case.id)
def test_buffers_take_what_is_predicted(case: NetCase) -> None:
    net = case.net()
    Buffers(net, 1, np.float32, True)  # so that what is imported and kept at first use is not counted
    tracemalloc.start()
    made = Buffers(net, CAPACITY, np.float32, True)
    for name, shape in net.inputs.items():
        made.value(name, CAPACITY, shape)
    found = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert made.values
    assert sum(buffer_bytes(net).values()) * CAPACITY == pytest.approx(found, rel=0.02, abs=20_000)


def test_a_shared_buffer_counts_with_its_first_user() -> None:
    """tanh writes over the values that it reads, and their gradients are one buffer too."""
    net = Net.of([Dense(6, activation="tanh"), Dense(3)], {INPUT: (4,)})
    assert buffer_bytes(net) == {INPUT: 4 * 4, "dense": 4 * 6, "dense/tanh": 4 * 6, "dense_2": 4 * 3 + 4 * 3}


def test_sparse_inputs_take_no_buffers() -> None:
    layers = [Dense(3, name="a"), Dense(2, name="b", inputs=("wide",)), Concatenate(inputs=("a", "b"))]
    net = Net.of(layers, {INPUT: (4,), "wide": (1 << 18,)})
    with_all, without = buffer_bytes(net), buffer_bytes(net, ["wide"])
    assert with_all - without == {"wide": 4 << 18}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("validated", [False, True])
def test_vectors_take_what_is_predicted(optimizer: str, validated: bool) -> None:
    recipe = plan_of(optimizer=optimizer, validated=validated).recipe
    state = State.initial(recipe.scores_net().layout, recipe.optimizer, 1, validated)
    stepper = Stepper(recipe, state, 10, lambda _: None, lambda _: None, Meter())
    found = memory(recipe, 10)
    assert found.weights == state.weights.nbytes
    assert found.gradients == stepper.vector.nbytes - stepper.tail.nbytes
    assert found.vectors == sum(vector.nbytes for vector in state.vectors)
    assert found.best == (state.best.nbytes if state.best is not None else 0)
    assert found.weights + found.vectors + found.best == state.nbytes
    assert found.activations == 10 * sum(n.row_bytes for n in nodes(recipe))
    assert found.total == state.nbytes + found.gradients + found.activations


@pytest.mark.parametrize("tau", [1, 3])
@pytest.mark.parametrize("layers", [(), (Dense(4, "tanh"), Dense(50))], ids=["few scores", "scores that stay cut"])
def test_a_block_takes_what_is_predicted(monkeypatch: pytest.MonkeyPatch, layers: Any, tau: int) -> None:
    """The first, which is the largest; where blocks step alone they also keep what they remember of the others."""
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    recipe = plan_of(layers, optimizer="adam", sync_every=tau).recipe
    block = Block.of(recipe, NullChannel(0, 2))
    state = State.initial(block.net.layout, recipe.optimizer, 1, False)
    made = Buffers(block.net, 10, np.float32, True)
    for name, shape in block.net.inputs.items():
        made.value(name, 10, shape)
    arrays = [*made.values.values(), *made.kept.values(), *made.gradients.values()]
    found, whole = memory(recipe, 10, 2), memory(recipe, 10)
    assert found.weights + found.vectors == state.nbytes < whole.weights + whole.vectors
    assert found.activations == sum({id(array): array.nbytes for array in arrays}.values())
    assert found.activations >= memory(replace(recipe, sync_every=1), 10, 2).activations


def test_nodes_tell_of_inputs_and_layers() -> None:
    found = nodes(plan_of(optimizer="adam", validated=True).recipe)
    assert [(n.name, n.kind, n.shape, n.parameters, n.multiply_adds) for n in found] == [
        (INPUT, "input", (4,), 0, 0),
        ("dense", "dense", (5,), 25, 20),
        ("dense/tanh", "tanh", (5,), 0, 0),
        ("dense_2", "dense", (3,), 18, 15),
    ]
    assert [n.weight_bytes for n in found] == [
        0,
        25 * 4 * 5,
        0,
        18 * 4 * 5,
    ]  # weights, gradients, two vectors, the best


TOKENS = Source((7,), "words", kind=STEPS, tokens=9)
STEPPED = Source((7, 2), kind=STEPS)
COLUMNS = {
    "dense vectors": Columns((Source((5,), kind=VECTOR),), (Target("y", classes=3),)),
    "wide vectors": Columns((Source((1 << 18,), kind=VECTOR),), (Target("y", classes=3),)),
    "bytes and vectors": Columns((Source((4, 4, 3), "image", kind=BYTES), Source((5,))), (Target("y", labels=2),)),
    "bytes as tokens": Columns((Source((6,), kind=BYTES, tokens=5),), (Target("y", classes=2),)),
    "sequences": Columns((STEPPED, TOKENS), (Target("y", classes=3),)),
    "a class for every step": Columns((STEPPED,), (Target("y", classes=3, steps=True),)),
    "labels for every step of fixed rows": Columns((Source((7, 2)),), (Target("y", labels=2, steps=True),)),
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_rows_take_what_is_predicted(columns: Columns) -> None:
    table = dummy_table(columns, 10, longest=True)
    assert len(table) == 10
    ends = sum(8 for part in (*table.features.values(), *table.targets) if isinstance(part, Ragged | Sparse))
    assert nbytes(table) + ROW_KEY_BYTES * 10 == 10 * row_bytes(columns) + ends


def test_blank_rows_are_like_those_that_are_read() -> None:
    plan, rows = plan_of(), Rows.drawn(10)
    read, made = ordered(read_shard([rows.frame()], plan.columns).train), dummy_table(plan.columns, 10)
    assert (nbytes(read), read.targets[0].dtype) == (nbytes(made), made.targets[0].dtype)  # type: ignore[union-attr]


def test_sequences_are_of_one_step_where_they_need_not_be_long() -> None:
    columns = replace(COLUMNS["a class for every step"], sources=(STEPPED, TOKENS))
    short, long = dummy_table(columns, 3), dummy_table(columns, 3, longest=True)
    for table, steps in ((short, 1), (long, 7)):
        for part in (*table.features.values(), *table.targets):
            assert isinstance(part, Ragged)
            assert part.lengths.tolist() == [steps] * 3


def nbytes(table: Table) -> int:
    def of(part: Any) -> int:
        if isinstance(part, DenseRows):
            return part.matrix.nbytes
        if isinstance(part, Sparse):
            return part.values.nbytes + part.columns.nbytes + part.starts.nbytes
        return part.values.nbytes + part.starts.nbytes if isinstance(part, Ragged) else part.nbytes

    parts = (*table.features.values(), *table.targets, table.weights, table.validation)
    return sum(map(of, parts))
