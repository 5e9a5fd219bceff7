"""Which value and which slope lies in which buffer: made once for a network, so that a step allocates nothing.

A node writes its output over its input where nobody reads that input again. A slope's buffer is free again when the
node whose output it belongs to has gone backward, so a deep chain needs about two of them.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Activation
from spark_deepnet.net.net import Net, Node


class Buffers:
    """Buffers of flat memory for ``capacity`` rows, found by the name of the node whose output or slope they hold."""

    def __init__(self, net: Net, capacity: int, dtype: Any, training: bool) -> None:
        self.capacity, self.dtype = capacity, dtype
        self.shapes = dict(net.inputs) | {node.name: node.shape for node in net.nodes}
        self.readers = Counter(name for node in net.nodes for name in node.inputs)
        self.nodes = {node.name: node for node in net.nodes}
        self.values = {name: self._new(prod(shape)) for name, shape in net.inputs.items()}
        for node in net.nodes:
            self.values[node.name] = self._value(node)
        self.slopes: dict[str, np.ndarray] = {}
        self.addends: list[np.ndarray] = []
        if training:
            self._plan_slopes(net)

    def _new(self, row: int) -> np.ndarray:
        return aligned(self.capacity * row, self.dtype)

    def _overwrites(self, node: Node) -> bool:
        """Whether the node may write its output over its input."""
        source = node.inputs[0]
        return (
            "x" not in node.layer.reads
            and not node.layer.many
            and self.readers[source] == 1
            and source in self.nodes
            and "y" not in self.nodes[source].layer.reads
            and prod(self.shapes[source]) == prod(node.shape)
        )

    def _value(self, node: Node) -> np.ndarray:
        return self.values[node.inputs[0]] if self._overwrites(node) else self._new(prod(node.shape))

    def _plan_slopes(self, net: Net) -> None:
        """Walk backward as training will, taking buffers from a pool and giving them back."""
        pool: list[np.ndarray] = []

        def taken(row: int) -> np.ndarray:
            size = row * self.capacity
            fitting = sorted((b.size, i) for i, b in enumerate(pool) if b.size >= size)
            return pool.pop(fitting[0][1]) if fitting else self._new(row)

        self.slopes[net.nodes[-1].name] = taken(prod(net.shape))
        for node in reversed(net.nodes):
            dy, handed_on = self.slopes[node.name], False
            for source in node.inputs:
                if source in self.slopes or source not in self.nodes:
                    continue
                if self.readers[source] == 1 and (self._overwrites(node) or isinstance(node.layer, Activation)):
                    self.slopes[source], handed_on = dy, True
                else:
                    self.slopes[source] = taken(prod(self.shapes[source]))
            if not handed_on:
                pool.append(dy)
        joined = [[prod(self.shapes[s]) for s in node.inputs if s in self.nodes and self.readers[s] > 1] for node in net.nodes]
        self.addends = [self._new(max(map(max, filter(None, joined)))) for _ in range(max(map(len, joined)))]

    def value(self, name: str, n: int) -> np.ndarray:
        return self._view(self.values[name], name, n)

    def slope(self, name: str, n: int) -> np.ndarray | None:
        """The slope of a node's output; None for inputs of the network, which nobody asks for."""
        return self._view(self.slopes[name], name, n) if name in self.slopes else None

    def addend(self, k: int, name: str, n: int) -> np.ndarray:
        """Where a second reader of a value puts its part of the slope, the k-th of its parts, before it is added."""
        return self._view(self.addends[k], name, n)

    def _view(self, flat: np.ndarray, name: str, n: int) -> np.ndarray:
        shape = self.shapes[name]
        return flat[: n * prod(shape)].reshape((n, *shape))
