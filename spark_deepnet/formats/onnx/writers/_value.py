"""A node's value as tensors: in this package's order of axes, with the channels in front, or both by a Transpose."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.formats.onnx.writers._graph import Graph
from spark_deepnet.layers.layer import Shape


@dataclass
class Value:
    """``held_name``: the tensor (N, height, width, channels), or (N, steps, features); ``first_name``: the one with the last
    axis behind that of the rows, as ONNX's operators over windows want it. At least one is there; the other is made when
    it is asked for."""

    graph: Graph
    shape: Shape
    """Of a row, as held."""
    held_name: str | None = None
    first_name: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) < 2:
            self.held_name = self.first_name = self.held_name or self.first_name

    @property
    def is_first(self) -> bool:
        """Whether only the tensor with the channels in front is there."""
        return self.held_name is None

    def held(self) -> str:
        if self.held_name is None:
            axes = len(self.shape) + 1
            self.held_name = self.graph.op("Transpose", str(self.first_name), perm=[0, *range(2, axes), 1])
        return self.held_name

    def first(self) -> str:
        if self.first_name is None:
            axes = len(self.shape) + 1
            self.first_name = self.graph.op("Transpose", str(self.held_name), perm=[0, axes - 1, *range(1, axes - 1)])
        return self.first_name

    def tensor(self, first: bool) -> str:
        return self.first() if first else self.held()

    def axis(self, axis: int, first: bool) -> int:
        """Where an axis of a row is in the tensor."""
        return tensor_axis(axis, len(self.shape), first)


def tensor_axis(axis: int, rank: int, first: bool) -> int:
    """Where an axis of rows of this many axes is in their tensor."""
    axis %= rank
    if not first or rank < 2:
        return axis + 1
    return 1 if axis == rank - 1 else axis + 2
