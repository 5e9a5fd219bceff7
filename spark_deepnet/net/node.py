"""A node of a network: one layer at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.layers._factors import factored
from spark_deepnet.layers.layer import Layer, Shape, Weight


@dataclass(frozen=True)
class Node:
    """One layer at its place: its name, what it reads, and the shapes on both sides."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape

    @property
    def x(self) -> Any:
        """The input's shape as the layer wants it: one shape, or a tuple of them where it joins several."""
        return self.input_shapes if self.layer.multi_input else self.input_shapes[0]

    def weights(self) -> dict[str, Weight]:
        return factored(self.layer, self.layer.weights(self.x))

    def moves(self) -> bool:
        """Whether steps change some of its own weights: the same in every block of a network that is cut."""
        return any(weight.moves for weight in self.weights().values())

    @property
    def owner(self) -> str:
        """The node whose weights it uses: itself, or the one that it shares with."""
        return self.layer.share or self.name
