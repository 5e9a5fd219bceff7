"""Assigns values and gradients to buffers, once for a network, so that a step allocates nothing.

A node writes its output over its input if no node reads that input again. A gradient's buffer is free again after the
backward pass of the node whose output it belongs to, so a deep chain needs about two of them. In scoring a value's buffer
is free again after its last reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers._csr import Csr
from spark_deepnet.layers.layer import Arrays, Shape
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.reuse import Reuse, may_overwrite
from spark_deepnet.net.tokens import token_inputs

FLOAT_BYTES = 4


class Buffers:
    """Flat buffers for ``capacity`` rows, by the name of the node whose output or gradient they hold."""

    def __init__(
        self,
        net: Net,
        capacity: int,
        dtype: Any,
        training: bool,
        tokens: Collection[str] | None = None,
        of_inputs: bool = False,
    ) -> None:
        """tokens: the inputs that are fed as int32; None: those that the network reads as tokens; of_inputs: whether
        backward also computes the gradients of inputs, but for tokens."""
        self.capacity, self.dtype = capacity, dtype
        self.tokens = token_inputs(net) if tokens is None else tokens
        self.shapes = dict(net.inputs) | {node.name: node.shape for node in net.nodes}
        self.readers = Counter(name for node in net.nodes for name in node.inputs)
        self.readers.update(net.ends or ())
        self.nodes = {node.name: node for node in net.nodes}
        self.values: dict[str, np.ndarray] = {}
        """Buffers of inputs are allocated at first use; for sparse rows never."""
        self.sparse: dict[str, Csr] = {}
        self.kept: dict[tuple[str, str], np.ndarray] = {}
        self.gradients: dict[str, np.ndarray] = {}
        self.inputs = [name for name in net.inputs if name not in self.tokens] if of_inputs else []
        """Those whose gradients are wanted."""
        self.addends: list[np.ndarray] = []
        self.parts: dict[tuple[str, int, str], np.ndarray] = {}
        if training:
            for node in net.nodes:
                self.values[node.name] = self._value(node)
            self.kept.update(((node.name, key), array) for node in net.nodes for key, array in self._kept(node))
            self._plan_gradients(net)
        else:
            self._reuse(net)

    def _reuse(self, net: Net) -> None:
        """Buffers for scoring, of which values use one after another."""
        reuse = Reuse.of(net, np.dtype(self.dtype).itemsize)
        slots = [aligned(self.capacity * size, np.uint8) for size in reuse.sizes]
        self.values.update((name, slots[slot].view(self.dtype)) for name, slot in reuse.values.items())
        for node in net.nodes:
            for key, (_, dtype) in node.layer.saves(node.x).items():
                self.kept[node.name, key] = slots[reuse.kept[node.name, key]].view(dtype or self.dtype)

    def _new(self, row: int) -> np.ndarray:
        return aligned(self.capacity * row, self.dtype)

    def _kept(self, node: Node) -> Iterator[tuple[str, np.ndarray]]:
        for key, (shape, dtype) in node.layer.saves(node.x).items():
            yield key, aligned(self.capacity * prod(shape), dtype or self.dtype)

    def _overwrites(self, node: Node) -> bool:
        """Whether the node may write its output over its input, which the backward passes do not read either."""
        if not may_overwrite(node, self.nodes, self.readers):
            return False
        return "y" not in self.nodes[node.inputs[0]].layer.reads

    def _value(self, node: Node) -> np.ndarray:
        return self.values[node.inputs[0]] if self._overwrites(node) else self._new(prod(node.shape))

    def _plan_gradients(self, net: Net) -> None:
        """Walk backward as training will, taking buffers from a pool and returning them."""
        pool: list[np.ndarray] = []

        def taken(row: int) -> np.ndarray:
            size = row * self.capacity
            fitting = sorted((b.size, i) for i, b in enumerate(pool) if b.size >= size)
            return pool.pop(fitting[0][1]) if fitting else self._new(row)

        self.gradients = {out.name: taken(prod(out.shape)) for out in net.outputs}
        self.gradients |= {name: self._new(prod(self.shapes[name])) for name in self.inputs}
        for node in reversed(net.nodes):
            dy, handed_on = self.gradients[node.name], False
            for source in node.inputs:
                if source in self.gradients or source not in self.nodes:
                    continue
                if self.readers[source] == 1 and (self._overwrites(node) or node.layer.in_place):
                    self.gradients[source], handed_on = dy, True
                else:
                    self.gradients[source] = taken(prod(self.shapes[source]))
            if not handed_on:
                pool.append(dy)
        known = {*self.nodes, *self.inputs}
        again = [[s for s in node.inputs if s in known and self.readers[s] > 1] for node in net.nodes]
        largest = max((prod(self.shapes[s]) for sources in again for s in sources), default=0)
        self.addends = [self._new(largest) for _ in range(max(map(len, again)))]

    def value(self, name: str, n: int, shape: Shape) -> np.ndarray:
        if name not in self.values:
            dtype = np.int32 if name in self.tokens else self.dtype
            self.values[name] = aligned(self.capacity * prod(self.shapes[name]), dtype)
        return _view(self.values[name], n, shape)

    def csr(self, name: str) -> Csr:
        """The buffer of an input whose rows are sparse."""
        if name not in self.sparse:
            self.sparse[name] = Csr(prod(self.shapes[name]), self.dtype)
        return self.sparse[name]

    def gradient(self, name: str, n: int, shape: Shape) -> np.ndarray | None:
        """The gradient of a node's output; None for inputs of the network whose gradients are not needed."""
        return _view(self.gradients[name], n, shape) if name in self.gradients else None

    def addend(self, k: int, n: int, shape: Shape) -> np.ndarray:
        """The buffer for the k-th part of the gradient that a second reader of a value writes, before it is added."""
        return _view(self.addends[k], n, shape)

    def part(self, node: Node, k: int, weight: str, whole: np.ndarray) -> np.ndarray:
        """The buffer for the gradient of a weight over the k-th part of the rows."""
        key = node.name, k, weight
        if key not in self.parts:
            self.parts[key] = aligned(whole.shape, whole.dtype)
        return self.parts[key]

    def saved(self, node: Node, n: int) -> Arrays:
        """The arrays that the node's layer keeps from forward to backward; the node may have shorter sequences."""
        wanted = node.layer.saves(node.x).items()
        return {key: _view(self.kept[node.name, key], n, shape) for key, (shape, _) in wanted}


def _view(flat: np.ndarray, n: int, shape: Shape) -> np.ndarray:
    return flat[: n * prod(shape)].reshape((n, *shape))


def scoring_bytes(net: Net, sparse: Collection[str] = ()) -> int:
    """Bytes per row of all buffers for scoring; sparse: inputs that are fed as sparse rows."""
    inputs = sum(prod(shape) for name, shape in net.inputs.items() if name not in sparse)
    return FLOAT_BYTES * inputs + sum(Reuse.of(net, FLOAT_BYTES).sizes)


def buffer_bytes(net: Net, sparse: Collection[str] = ()) -> Counter[str]:
    """Input or node -> bytes per row of the training buffers that it is the first to use."""
    made = Buffers(net, 1, np.float32, True)
    for name in net.inputs.keys() - set(sparse):
        made.value(name, 1, net.inputs[name])
    used = [*made.values.items(), *((name, array) for (name, _), array in made.kept.items()), *made.gradients.items()]
    counts: Counter[str] = Counter()
    known: set[int] = set()
    for name, array in [*used, *((net.nodes[-1].name, array) for array in made.addends)]:
        if id(array) not in known:
            known.add(id(array))
            counts[name] += array.nbytes
    return counts
