"""Gradients of weights of which a batch uses few rows: stored for these rows only, separately from the flat vector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

import numpy as np

from spark_deepnet.kernels.memory import Room, padded
from spark_deepnet.kernels.sparse import put_rows
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.weights import Layout, Slot


def sparse_readers(net: Net) -> dict[str, tuple[Node, ...]]:
    """Input -> its readers, for the inputs that may be fed as sparse rows: vectors read only by layers that accept
    sparse rows and whose weights no other layer shares."""
    users = Counter(node.owner for node in net.nodes)
    readers: dict[str, list[Node]] = {name: [] for name, shape in net.inputs.items() if len(shape) == 1}
    for node in net.nodes:
        for name in node.inputs:
            readers.get(name, []).append(node)
    return {
        name: tuple(nodes)
        for name, nodes in readers.items()
        if nodes and all(_by_row(node) and users[node.owner] == 1 for node in nodes)
    }


def _by_row(node: Node) -> bool:
    """Whether the layer's own class accepts sparse rows: a subclass may need x in another form."""
    return bool(vars(type(node.layer)).get("by_row"))


class Seen:
    """Gradients of one weight array (width, ...). While they are ``apart``, the gradients of the rows ``index`` (k,)
    are ``values`` (k, d), all others are 0, and the array's stretch of the flat vector must not be read. Otherwise they
    are in the flat vector."""

    def __init__(self, slot: Slot, flat: np.ndarray) -> None:
        self.slot = slot
        self.stretch = slice(slot.start, slot.start + padded(slot.stop - slot.start))
        self.array = slot.view(flat)
        self.rows = self.array.reshape(len(self.array), prod(self.array.shape[1:]))
        """(width, d)"""
        self.apart = False
        self.index = np.zeros(0, np.int32)
        self.values = self.rows[:0]
        self._room = Room(self.rows.shape[1], flat.dtype)
        self._written: np.ndarray | None = self.index
        """The rows of the stretch that are not zero; None: any."""

    def of(self, flat: np.ndarray) -> np.ndarray:
        """The rows of this array in another flat vector."""
        return self.slot.view(flat).reshape(self.rows.shape)

    def take(self, index: np.ndarray) -> np.ndarray:
        """The buffer for the gradients of these distinct rows, which are apart from now on."""
        self.put(index, self._room.rows(len(index)))
        return self.values.reshape(len(index), *self.array.shape[1:])

    def put(self, index: np.ndarray, values: np.ndarray) -> None:
        """Set the gradients."""
        self.index, self.values, self.apart = index, values, True

    def whole(self) -> np.ndarray:
        """The array in the flat vector, as the buffer for all gradients."""
        self.apart, self._written = False, None
        return self.array

    def spread(self) -> None:
        """Copy gradients that are apart into the flat vector."""
        if self.apart:
            self.rows[... if self._written is None else self._written] = 0
            put_rows(self.values, self.index, self.rows)
            self.apart, self._written = False, self.index.copy()


def seen_of(net: Net, layout: Layout, flat: np.ndarray) -> dict[str, dict[str, Seen]]:
    """Node -> weight -> its gradients, for the weights that sparse rows may be multiplied with."""
    readers = [node for nodes in sparse_readers(net).values() for node in nodes]
    slots = {(slot.node, slot.key): slot for slot in layout.slots}
    return {n.owner: {key: Seen(slots[n.owner, key], flat) for key in n.layer.by_row} for n in readers}


def outside(stretch: slice, holes: Sequence[slice]) -> list[slice]:
    """The parts of a stretch outside the holes, which are in order."""
    parts, start = [], stretch.start
    for hole in holes:
        if start <= hole.start < stretch.stop:
            parts.append(slice(start, hole.start))
            start = hole.stop
    return [part for part in [*parts, slice(start, stretch.stop)] if part.start < part.stop]
