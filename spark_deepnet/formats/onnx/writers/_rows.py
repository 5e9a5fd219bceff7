"""Rows of different lengths along their first axis, padded to one number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.writers._graph import Graph
from spark_deepnet.formats.onnx.writers._value import tensor_axis


@dataclass(frozen=True)
class Rows:
    """``lengths``: a tensor (N,) of int64, at most ``steps``, the number of steps that all are padded to."""

    graph: Graph
    lengths: str
    steps: int

    def table(self, values: Any, name: str = "table") -> str:
        """For each row the entry of its length; values: (steps + 1, ...) by length."""
        return self.graph.once("Gather", self.graph.constant(values, name), self.lengths, axis=0)

    def numbers(self, values: Any, axes: int) -> str:
        """(N, 1, ...) with this many axes: for each row the float of its length."""
        chosen = self.table(np.asarray(values, np.float32))
        return self.graph.once("Reshape", chosen, self.graph.integers([-1, *(1,) * (axes - 1)]))

    def real(self, rank: int, first: bool = False) -> str:
        """A mask that fits tensors of rows of this many axes: which steps are real."""
        steps = self.graph.constant(np.arange(self.steps))
        column = self.graph.once("Unsqueeze", self.lengths, self.graph.integers([1]))
        mask = self.graph.once("Less", steps, column)
        axes = [axis for axis in range(1, rank + 1) if axis != tensor_axis(0, rank, first)]
        return self.graph.once("Unsqueeze", mask, self.graph.integers(axes)) if axes else mask

    def any(self, axes: int) -> str:
        """(N, 1, ...) with this many axes: whether a row has steps."""
        mask = self.graph.once("Greater", self.lengths, self.graph.constant(np.int64(0)))
        return self.graph.once("Unsqueeze", mask, self.graph.integers(range(1, axes))) if axes > 1 else mask

    def filled(self, tensor: str, rank: int, fill: Any = np.float32(0), first: bool = False) -> str:
        """The tensor with this number behind each row's end."""
        return self.graph.op("Where", self.real(rank, first), tensor, self.graph.constant(fill))

    def zero_if_empty(self, tensor: str, axes: int) -> str:
        return self.graph.op("Where", self.any(axes), tensor, self.graph.constant(np.float32(0)))

    def shifted(self, tensor: str, rank: int, starts: Any, count: int, fill: Any = np.float32(0)) -> str:
        """(N, count, ...): y[n, k] = x[n, start + k], ``fill`` where a row has no such step; starts: (steps + 1,) by
        length. The tensor is in this package's order of axes."""
        graph = self.graph
        one = graph.integers([1])
        start = graph.op("Unsqueeze", self.table(np.asarray(starts, np.int64)), one)
        index = graph.op("Add", start, graph.constant(np.arange(count)))
        zero = graph.constant(np.int64(0))
        below = graph.op("Less", index, graph.once("Unsqueeze", self.lengths, one))
        inside = graph.op("And", graph.op("GreaterOrEqual", index, zero), below)
        safe = graph.op("Unsqueeze", graph.op("Where", inside, index, zero), graph.integers([2]))
        gathered = graph.op("GatherND", tensor, safe, batch_dims=1)
        if rank > 1:
            inside = graph.op("Unsqueeze", inside, graph.integers(range(2, rank + 1)))
        return graph.op("Where", inside, gathered, graph.constant(fill))
