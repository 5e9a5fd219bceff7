"""Foreign axes: which order of axes a foreign value is held in, and the Permutes where a layer needs the foreign one.

A foreign row (channels, height, width) is held as (height, width, channels), (channels, steps) as (steps, channels), and
all others as they are. A layer that works along channels, by windows or on each number runs on what is held (``add``).
Every other layer gets a Permute to the foreign order before it, and one back after it (``add_foreign``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.permute import Permute

TO_FOREIGN = {2: (2, 1), 3: (3, 1, 2)}
"""Axes of a row -> the Permute from the held to the foreign order."""
TO_HELD = {2: (2, 1), 3: (2, 3, 1)}


@dataclass(frozen=True)
class Value:
    """A foreign value: the node that computes it, and the foreign shape of one row."""

    node: str
    shape: Shape
    steps_first: bool = False
    """Whether the file has it as (steps, rows, ...), with rows second; a row is held as it is, (steps, ...)."""

    @property
    def held(self) -> Shape:
        """The shape of one row as the node has it."""
        return self.shape if self.steps_first else permuted(self.shape, TO_HELD)

    def held_axis(self, axis: int) -> int:
        """Where an axis of the foreign row, counted from 0, is in what is held."""
        rank = len(self.shape)
        return axis if self.steps_first or rank not in TO_HELD else TO_HELD[rank].index(axis + 1)


def permuted(shape: Shape, orders: Mapping[int, tuple[int, ...]]) -> Shape:
    order = orders.get(len(shape))
    return shape if order is None else tuple(shape[axis - 1] for axis in order)


class Assembly:
    """A list of layers that grows by foreign operators; each layer names what it reads."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.inputs: dict[str, Shape] = {}
        self.taken: set[str] = set()
        self.last = ""
        """The node of the operator that was added last, without Permutes."""

    def input(self, name: str, shape: Shape, steps_first: bool = False, **fields: Any) -> Value:
        """An input of the network whose rows have this foreign shape. fields: those of its Input layer."""
        value = Value(self.unique(name), shape, steps_first)
        self.inputs[value.node] = value.held
        self.layers.append(Input(value.held, name=value.node, **fields))
        return value

    def add(self, name: str, layer: Layer, *values: Value) -> Value:
        """The value of a layer over what is held."""
        shape = self._append(name, layer, [value.node for value in values], [value.held for value in values])
        self.last = self.layers[-1].name or ""
        if any(value.steps_first for value in values):
            return Value(self.last, shape, steps_first=True)
        return Value(self.last, permuted(shape, TO_FOREIGN))

    def add_foreign(self, name: str, layer: Layer, *values: Value) -> Value:
        """The value of a layer over the foreign order of axes."""
        if any(value.steps_first for value in values):
            return self.add(name, layer, *values)
        sources = [self.in_foreign_order(value) for value in values]
        shape = self._append(name, layer, sources, [value.shape for value in values])
        self.last = self.layers[-1].name or ""
        value = Value(self.last, shape)
        return self._permute(value, TO_HELD, shape) if len(shape) in TO_HELD else value

    def in_foreign_order(self, value: Value) -> str:
        """The node that gives a value in the foreign order of axes."""
        if len(value.shape) not in TO_FOREIGN:
            return value.node
        return self._permute(value, TO_FOREIGN, value.held).node

    def _permute(self, value: Value, orders: Mapping[int, tuple[int, ...]], shape: Shape) -> Value:
        suffix = "foreign" if orders is TO_FOREIGN else "held"
        self._append(f"{value.node}.{suffix}", Permute(orders[len(shape)]), [value.node], [shape])
        return Value(self.layers[-1].name or "", value.shape)

    def _append(self, name: str, layer: Layer, sources: Sequence[str], shapes: Sequence[Shape]) -> Shape:
        """Add a layer; returns the shape of its output."""
        self.layers.append(replace(layer, name=self.unique(name), inputs=tuple(sources)))
        return tuple(layer.shape(tuple(shapes) if layer.multi_input else shapes[0]))

    def unique(self, name: str) -> str:
        """The name, or with a number behind where it is taken."""
        new, number = name, 1
        while new in self.taken:
            number += 1
            new = f"{name}_{number}"
        self.taken.add(new)
        return new
