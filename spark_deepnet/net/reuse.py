"""Memory of scoring: a value's is used again after its last reader, and nothing is kept for a backward pass."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node

_ROUND_BYTES = 8
"""Slots hold whole numbers of any dtype."""


def may_overwrite(node: Node, nodes: Mapping[str, Node], readers: Mapping[str, int]) -> bool:
    """Whether a node's forward pass may write its output over its input: no other node reads that."""
    source = node.inputs[0]
    return (
        "x" not in node.layer.reads
        and not node.layer.multi_input
        and readers[source] == 1
        and source in nodes
        and prod(node.input_shapes[0]) == prod(node.shape)
    )


class _Slots:
    """Pieces of memory of which each serves one value after another."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._free: list[tuple[int, int]] = []
        """(size, slot), sorted."""

    def take(self, size: int) -> int:
        """The smallest free slot that is large enough, or the largest one, made larger, or a new one."""
        place = bisect_left(self._free, (size, 0))
        if place < len(self._free):
            return self._free.pop(place)[1]
        if self._free:
            slot = self._free.pop()[1]
            self.sizes[slot] = size
            return slot
        self.sizes.append(size)
        return len(self.sizes) - 1

    def give(self, slot: int) -> None:
        insort(self._free, (self.sizes[slot], slot))


@dataclass(frozen=True)
class Reuse:
    """Which slot each value, and each array that a layer keeps for backward, has in scoring."""

    values: dict[str, int] = field(default_factory=dict)
    """Node -> slot."""
    kept: dict[tuple[str, str], int] = field(default_factory=dict)
    """(node, name of the array) -> slot, of which the content is lost after the node's forward pass."""
    sizes: list[int] = field(default_factory=list)
    """Bytes of a row, by slot."""

    @staticmethod
    def of(net: Net, itemsize: int) -> Reuse:
        """Walk forward as scoring does. The outputs' values stay to the end."""
        readers = Counter(name for node in net.nodes for name in node.inputs)
        readers.update(out.name for out in net.outputs)
        nodes, left, slots, reuse = {node.name: node for node in net.nodes}, readers.copy(), _Slots(), Reuse()
        for node in net.nodes:
            in_place = may_overwrite(node, nodes, readers)
            value = reuse.values[node.inputs[0]] if in_place else slots.take(_bytes(node.shape, itemsize))
            reuse.values[node.name] = value
            reuse._keep(node, slots, itemsize)
            left.subtract(node.inputs)
            for name in set(node.inputs) & nodes.keys():
                if not left[name] and not in_place:
                    slots.give(reuse.values[name])
        reuse.sizes.extend(slots.sizes)
        return reuse

    def _keep(self, node: Node, slots: _Slots, itemsize: int) -> None:
        saves = node.layer.saves(node.x).items()
        own = {
            (node.name, key): slots.take(_bytes(shape, np.dtype(dtype).itemsize if dtype else itemsize))
            for key, (shape, dtype) in saves
        }
        self.kept.update(own)
        for slot in own.values():
            slots.give(slot)


def _bytes(shape: tuple[int, ...], itemsize: int) -> int:
    return -(-prod(shape) * itemsize // _ROUND_BYTES) * _ROUND_BYTES
