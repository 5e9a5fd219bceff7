"""The law of padding, over every layer of the tables and nets of several: a row of a sequence gives the scores and the
gradients that it gives alone, whatever rows lie beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool1d import GlobalMaxPool1D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.random_crop import RandomCrop
from spark_deepnet.layers.random_flip import RandomFlip
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.layers.slice import Slice
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.layers.up_sampling2d import UpSampling2D
from spark_deepnet.layers.zero_padding2d import ZeroPadding2D
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from tests.cases.layers import LAYERS

STEP = np.uint64(23)
LONGEST = 12
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 11, 12)
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """A network over rows of any number of steps, of which each input's first axis is one."""

    layers: tuple[Any, ...]
    inputs: tuple[tuple[int, ...], ...]
    """Shapes of the longest row."""
    training: bool = True

    @property
    def id(self) -> str:
        return f"{' '.join(map(str, self.layers))} {self.inputs[0]}{'' if self.training else ' scoring'}"

    @property
    def names(self) -> tuple[str, ...]:
        return (INPUT,) if len(self.inputs) == 1 else tuple("abc"[: len(self.inputs)])

    @property
    def longest(self) -> int:
        return self.inputs[0][0]

    def net(self) -> Net:
        return Net.of(self.layers, dict(zip(self.names, self.inputs, strict=True)))


STEPS = (LONGEST, 4)
IMAGE = (LONGEST, 8, 2)
WINDOWS = (
    *({"padding": padding} for padding in ("valid", "same", 1, 3)),
    *({"padding": padding, "strides": 2} for padding in ("valid", "same", 1, 2)),
    {"padding": "same", "strides": 3},
    {"padding": "same", "dilation": 2},
    {"padding": "valid", "dilation": 3, "strides": 2},
)
IMAGE_PADDINGS: tuple[Any, ...] = (((0, 2), 1), ((2, 0), 0))
POOLS = (
    {},
    {"strides": 1},
    {"padding": "same"},
    {"padding": "same", "strides": 1},
    {"padding": 1, "strides": 2},
    {"ceil": True},
    {"ceil": True, "padding": 1, "strides": 2},
    {"padding": ((0, 1), 0), "strides": 2},
)


def single_layers() -> Iterator[tuple[Layer, tuple[int, ...]]]:
    """Options in which layers differ in what they make of the end of a row, beside those of the tables."""
    for options in (*WINDOWS, {"padding": "causal"}, {"padding": "causal", "strides": 2}, {"padding": (0, 2)}):
        yield Conv1D(3, 3, **options), STEPS
        yield Conv1D(4, 4, groups=2, **options), STEPS
    for options in (*WINDOWS, *({"padding": padding, "strides": 2} for padding in IMAGE_PADDINGS)):
        yield Conv2D(3, 3, **options), IMAGE
        yield Conv2D(2, (4, 2), groups=2, bias=False, **options), IMAGE
    for options in WINDOWS:
        yield Conv2DTranspose(3, 3, **options), IMAGE
        yield Conv2DTranspose(2, (2, 3), groups=2, **options), IMAGE
    for options in POOLS:
        yield MaxPool2D(3, **options), IMAGE
        yield MaxPool2D((2, 3), **options), IMAGE
        yield AveragePool2D(3, **options), IMAGE
        yield AveragePool2D((3, 2), count_padding=False, **options), IMAGE
    for start, stop in ((-1, None), (-3, None), (0, -1), (2, -2), (-4, -1), (3, None), (1, 4), (-8, 6), (0, 1)):
        yield Slice(start, stop, axis=0), STEPS
        yield Slice(start, stop, axis=-3), IMAGE
    for target in ((-1, 2), (-1, 8), (-1, 2, 2), (-1, 1), (-1, 12), (3, -1), (2, -1, 4), (-1,)):
        yield Reshape(target), STEPS
    yield Reshape((-1, 24)), IMAGE
    yield Reshape((-1, 4)), IMAGE
    yield from ((layer, STEPS) for layer in (Permute((2, 1)), Flatten(), LayerNorm(axes=2), Softmax(), BatchNorm()))
    yield from ((layer, IMAGE) for layer in (Permute((1, 3, 2)), Permute((2, 1, 3)), BatchNorm(), LayerNorm(axes=2)))
    yield from ((layer, IMAGE) for layer in (GlobalAveragePool2D(), GlobalMaxPool2D(), ZeroPadding2D(((2, 1), 0))))
    yield from ((RandomFlip(mode), IMAGE) for mode in ("horizontal", "vertical", "horizontal_and_vertical"))
    yield from ((layer, IMAGE) for layer in (RandomCrop(4, 3), RandomCrop(12, 8), UpSampling2D((3, 1)), Resizing(5, 3)))
    yield from (
        (layer, (LONGEST,)) for layer in (Dense(3), Softmax(), LayerNorm(), Slice(-2), Slice(2), Embedding(5, 3))
    )


def from_tables() -> Iterator[tuple[Layer, Any]]:
    """The rows of the tables of layers, over more steps where they take more."""
    for case in LAYERS:
        shapes = case.x_shape if case.layer.multi_input else (case.x_shape,)
        if not all(shapes):
            continue  # no axis of steps
        longer = tuple((LONGEST, *shape[1:]) for shape in shapes)
        try:
            case.layer.shape(longer if case.layer.multi_input else longer[0])
        except NetworkError:
            longer = tuple(shapes)
        yield case.layer, longer if case.layer.multi_input else longer[0]


def behind_weights(layer: Layer, shape: Any) -> Case:
    """The layer behind one that has weights, whose gradients need the layer's dx."""
    if layer.multi_input:
        return Case((replace(layer, inputs=tuple("abc"[: len(shape)])),), shape)
    before = (Dense(shape[-1], initializer="normal"),) if len(shape) > 1 else ()
    norm = isinstance(layer, BatchNorm)  # in training it sees other rows: tests/layers/test_batch_norm.py
    return Case((*before, layer), (shape,), training=not norm)


NETS = (
    Case((Embedding(9, 6), Conv1D(8, 3, activation="relu"), GlobalMaxPool1D(), Dense(2)), ((LONGEST,),)),
    Case((Conv1D(4, 3, strides=2, padding="same"), Conv1D(3, 2), LSTM(3), Dense(2)), (STEPS,)),
    Case((Conv1D(4, 5, padding=4), "relu", Bidirectional(GRU(2, sequences=True)), GlobalAveragePool1D()), (STEPS,)),
    Case((Reshape((-1, 2)), LSTM(3, sequences=True), Reshape((-1, 6)), GlobalMaxPool1D()), (STEPS,)),
    Case((Reshape((-1, 12)), MultiHeadAttention(3), GlobalAveragePool1D()), (STEPS,)),
    Case((LSTM(3, sequences=True), Slice(-1, None, axis=0), Flatten(), Dense(2)), (STEPS,)),
    Case((Slice(-3, None, axis=0), Flatten(), Dense(2)), (STEPS,)),
    Case((Flatten(), Reshape((-1, 4)), LSTM(3)), (STEPS,)),
    Case((Permute((2, 1)), Softmax(), Permute((2, 1)), GlobalAveragePool1D(), Dense(2)), (STEPS,)),
    Case((Reshape((2, -1)), Permute((2, 1)), Dense(3), GlobalAveragePool1D()), (STEPS,)),
    Case((Conv1D(4, 3), BatchNorm(), "relu", GlobalAveragePool1D()), (STEPS,), training=False),
    Case(
        (Conv2D(3, 3, activation="relu"), MaxPool2D(2), Conv2D(4, 3, padding=1), GlobalAveragePool2D(), Dense(2)),
        (IMAGE,),
    ),
    Case((Conv2D(3, 3, padding="same", strides=2), MaxPool2D(3, 2, ceil=True), GlobalMaxPool2D()), (IMAGE,)),
    Case((MaxPool2D(2, padding="same"), UpSampling2D(2), Conv2D(2, 3), Reshape((-1, 8)), GRU(3)), (IMAGE,)),
    Case((Conv2DTranspose(3, 3, 2), "tanh", AveragePool2D(3, 2, padding=1), GlobalAveragePool2D()), (IMAGE,)),
    Case((RandomCrop(5, 4), RandomFlip("vertical"), Conv2D(2, 3), Flatten(), Dense(2)), (IMAGE,)),
    Case((Flatten(), Dropout(0.4), Dense(3)), (STEPS,)),
    Case(
        (
            Embedding(9, 6, name="words"),
            *(Conv1D(3, k, activation="relu", name=f"c{k}", inputs=("words",)) for k in (3, 4, 5)),
            *(GlobalMaxPool1D(name=f"p{k}", inputs=(f"c{k}",)) for k in (3, 4, 5)),
            Concatenate(inputs=("p3", "p4", "p5")),
            Dense(2),
        ),
        ((LONGEST,),),
    ),
    Case(
        (
            Conv1D(4, 3, padding="same", name="a"),
            Conv1D(4, 3, padding="same"),
            Add(inputs=("a", "conv1d")),
            GlobalAveragePool1D(),
        ),
        (STEPS,),
    ),
    Case((Concatenate(inputs=("a", "b")), LSTM(3)), (STEPS, (LONGEST, 2))),
)
CASES = (*(behind_weights(*pair) for pair in (*single_layers(), *from_tables())), *NETS)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@cache
def numbers(case: Case) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """(the rows of each input, the longest's numbers; weights; what the output's gradient is drawn from)"""
    rng = np.random.default_rng(len(case.id))
    tokens = any(isinstance(layer, Embedding) for layer in case.layers)
    draw = (lambda s: rng.integers(0, 5, s).astype(float)) if tokens else (lambda s: rng.normal(size=s))
    x = {name: draw((len(LENGTHS), *s)) for name, s in zip(case.names, case.inputs, strict=True)}
    net = case.net()
    weights = Layout(net).init_weights(3, np.float64)
    weights += rng.normal(scale=0.2, size=weights.shape)
    for array in Layout(net).views(weights).values():
        for key, a in array.items():
            if "variance" in key:
                a[...] = rng.uniform(0.5, 2, a.shape)
    return x, weights, rng.normal(size=(len(LENGTHS), 64 * LONGEST * 8))


@dataclass
class Found:
    """Of some rows: each one's scores up to its end, and the weights' gradients."""

    scores: list[np.ndarray]
    ends: np.ndarray | None
    gradients: np.ndarray


def run(case: Case, rows: list[int], lengths: np.ndarray) -> Found:
    """These of the rows, in this order, through the network as it runs over the longest of them."""
    x, weights, drawn = numbers(case)
    runner = Runner(case.net(), weights.copy(), len(rows))
    longest = max(1, int(lengths.max(initial=1)))
    batch = runner.batch(len(rows), dict.fromkeys(case.names, longest))
    real = np.arange(batch.feed[case.names[0]].shape[1]) < lengths[:, None]
    for name, out in batch.feed.items():
        own = x[name][rows][:, : out.shape[1]]
        out[...] = np.where(real.reshape(*real.shape, *(1,) * (out.ndim - 2)), own, 0)
    keys = np.array(rows, np.uint64)
    batch.forward(case.training, STEP, keys, dict.fromkeys(case.names, lengths.astype(np.int32)))
    out = batch.outputs[0]
    assert out.dy is not None
    scores = [y.copy() if out.ends is None else y[: out.ends[i]].copy() for i, y in enumerate(out.y)]
    for i, row in enumerate(rows):
        out.dy[i] = drawn[row, : out.dy[i].size].reshape(out.dy[i].shape)  # behind the end too: that must not count
    batch.backward()
    return Found(scores, None if out.ends is None else out.ends.copy(), runner.gradients.copy())


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@each_case
def test_a_row_gives_the_same_alone_as_beside_others(case: Case) -> None:
    lengths = np.minimum(LENGTHS, case.longest)
    alone = [run(case, [row], lengths[row : row + 1]) for row in range(len(lengths))]
    multi_input = [*range(len(lengths)), *range(len(lengths))] * 2
    for rows in ([3, 1], [0, 2, 5], [*range(len(lengths))], multi_input):
        found = run(case, rows, lengths[rows])
        for row, scores in zip(rows, found.scores, strict=True):
            assert (found.ends is None) == (alone[row].ends is None)
            close(scores, alone[row].scores[0])
        close(found.gradients, sum(alone[row].gradients for row in rows))


@each_case
def test_a_row_of_no_steps_trains_nothing_and_has_finite_scores(case: Case) -> None:
    found = run(case, [0], np.zeros(1, int))
    assert all(np.isfinite(scores).all() for scores in found.scores)
    assert np.isfinite(found.gradients).all()


@pytest.mark.parametrize("layer", [Add(), Multiply(), Maximum(), Concatenate()], ids=str)
@pytest.mark.parametrize("lengths", [(4, 1), (1, 3), (0, 2)])
def test_sequences_of_other_lengths_are_not_joined(layer: Layer, lengths: tuple[int, int]) -> None:
    case = Case((replace(layer, inputs=("a", "b")),), (STEPS, STEPS))
    runner = Runner(case.net(), np.zeros(0), 2)
    batch = runner.batch(2, {"a": 4, "b": 4})
    steps = {name: np.array([2, length], np.int32) for name, length in zip("ab", lengths, strict=True)}
    with pytest.raises(DataError, match=f"a row has {lengths[0]} steps in 'a' and {lengths[1]} in 'b'"):
        batch.forward(False, STEP, np.zeros(2, np.uint64), steps)


def test_steps_are_not_joined_with_what_has_as_many_entries_by_chance() -> None:
    net = Net.of((Dense(4, inputs=("a",), name="d"), Add(inputs=("d", "b"))), {"a": (3,), "b": (4,)})
    batch = Runner(net, Layout(net).init_weights(1, np.float64), 2).batch(2, {"b": 4})
    with pytest.raises(DataError, match="a row has 2 steps in 'b' and 4 in 'd'"):
        batch.forward(False, STEP, np.zeros(2, np.uint64), {"b": np.array([2, 4], np.int32)})
