"""The rows of layers that join inputs or move numbers about."""

from __future__ import annotations

import numpy as np

from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.slice import Slice
from tests.cases.layer_case import LayerCase

GRAPH_LAYERS = [
    LayerCase(
        Output("hinge", "y", 0.5, name="o"),
        (2, 3),
        lambda w, x: x,
        bad=(
            (lambda: Output(weight=-1.0), "weight must be at least 0, found -1.0"),
            (lambda: Output(Multiply()), "a loss, its name or its JSON, found Multiply()"),
            (lambda: Output(column=("a", "b")), "the name of a column, found ('a', 'b')"),
        ),
    ),
    LayerCase(
        Multiply(),
        ((2, 3), (2, 3)),
        lambda w, x: x[0] * x[1],
        bad=((lambda: Multiply().shape(((2, 3), (2, 4))), "of one shape, found (2, 3), (2, 4)"),),
    ),
    LayerCase(Multiply(), ((4,), (4,), (4,)), lambda w, x: x[0] * x[1] * x[2]),
    LayerCase(
        Maximum(),
        ((2, 3), (2, 3)),
        lambda w, x: np.maximum(x[0], x[1]),
        bad=((lambda: Maximum().shape(((2, 3),)), "at least two inputs"),),
    ),
    LayerCase(Maximum(), ((4,), (4,), (4,)), lambda w, x: np.maximum(np.maximum(x[0], x[1]), x[2])),
    LayerCase(
        Slice(1, 3),
        (2, 4),
        lambda w, x: x[..., 1:3],
        bad=(
            (lambda: Slice(2, 2).shape((4,)), "2:2 of an axis of 4 is empty"),
            (lambda: Slice(0, 1, axis=2).shape((4,)), "have no axis 2"),
        ),
    ),
    LayerCase(Slice(-2, axis=0), (5, 2), lambda w, x: x[:, -2:]),
    LayerCase(
        Reshape((3, -1)),
        (2, 6),
        lambda w, x: x.reshape(len(x), 3, 4),
        bad=(
            (lambda: Reshape((0,)), "at least 1, or -1 once, found (0,)"),
            (lambda: Reshape((-1, -1)), "-1 may occur once"),
            (lambda: Reshape((5,)).shape((2, 2)), "4 numbers per row ((2, 2)) do not fill (5,)"),
            (lambda: Reshape((5, -1)).shape((2, 2)), "do not fill"),
        ),
    ),
    LayerCase(Reshape((4,)), (2, 2), lambda w, x: x.reshape(len(x), 4)),
    LayerCase(
        Permute((2, 1)),
        (2, 3),
        lambda w, x: x.transpose(0, 2, 1),
        bad=(
            (lambda: Permute((1, 1)), "each of 1..2 once, found (1, 1)"),
            (lambda: Permute((2, 1)).shape((4,)), "is for 2 axes, found rows of shape (4,)"),
        ),
    ),
    LayerCase(Permute((3, 1, 2)), (2, 3, 4), lambda w, x: x.transpose(0, 3, 1, 2)),
]
