"""What the writer of a layer sees: the layer at its place, its weights, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.writers._graph import Graph
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.node import Node


@dataclass
class Step:
    """One node that is written."""

    graph: Graph
    node: Node
    w: Mapping[str, np.ndarray]
    values: tuple[Value, ...]
    lengths: str | None
    """The tensor (N,) of the lengths of the rows that it reads; None: all are whole, or have no steps."""

    @property
    def layer(self) -> Any:
        return self.node.layer

    @property
    def x(self) -> Any:
        """The shape of a row, or of several inputs' rows."""
        return self.node.x

    @property
    def value(self) -> Value:
        return self.values[0]

    def held(self) -> str:
        """What it reads, in this package's order of axes."""
        return self.value.held()

    def first(self) -> str:
        """What it reads, with the channels in front."""
        return self.value.first()

    def op(self, kind: str, *inputs: str, **attributes: Any) -> Any:
        return self.graph.op(kind, *inputs, **attributes)

    def out(self, tensor: str, first: bool = False) -> Value:
        """The node's value from a tensor in one of the two orders."""
        return self.of_shape(tensor, self.node.shape, first)

    def of_shape(self, tensor: str, shape: Shape, first: bool = False) -> Value:
        return Value(self.graph, shape, None if first else tensor, tensor if first else None)

    def pointwise(self, function: Callable[[str], str]) -> Value:
        """The value of a function of each number, in the order of axes that is there."""
        first = self.value.is_first
        return self.out(function(self.value.tensor(first)), first)

    def constant(self, values: Any, name: str = "constant") -> str:
        return self.graph.constant(values, name)

    def integers(self, *values: int) -> str:
        return self.graph.integers(values)

    def broadcast(self, array: np.ndarray, name: str, first: bool) -> str:
        """A constant of the last axes of a row, such as one number a channel, for tensors in one of the orders."""
        rank = len(self.value.shape)
        if first and rank > 1:
            array = np.moveaxis(array.reshape((1,) * (rank - array.ndim) + array.shape), -1, 0)
        return self.constant(array, name)

    @cached_property
    def rows(self) -> Rows | None:
        """The rows, where the layer must run each as if it were alone; None: it may run over padded rows as they are."""
        if self.lengths is None or self.node.layer.masking(self.x) is not Masking.BY_LENGTH:
            return None
        return Rows(self.graph, self.lengths, self.node.input_shapes[0][0])

    @property
    def padded(self) -> Rows | None:
        """The rows and their lengths; None: all are whole."""
        return None if self.lengths is None else Rows(self.graph, self.lengths, self.node.input_shapes[0][0])

    def refusal(self, reason: str) -> FormatError:
        return FormatError(f"toOnnx: layer {self.node.name!r} ({self.layer.kind}): {reason}")
