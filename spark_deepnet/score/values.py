"""Values of layers as columns: which nodes they are, the network that computes them, and the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.plan.architecture import Architecture


@dataclass(frozen=True)
class LayerValue:
    """A layer's value as a column: a vector, or an array of them where rows are sequences."""

    layer: str
    """As it was asked for."""
    node: str
    width: int
    """Numbers of a row, or of a step."""
    steps: bool = False
    """Whether a row has as many of them as steps."""
    shape: Shape = ()
    """Of a row, where its numbers are to be reordered."""
    order: tuple[int, ...] = ()
    """The axes of ``shape``, counted from 1, in the order of the column; none: as they are."""

    @staticmethod
    def of(layer: str, node: Node, steps: bool, shape: Shape, order: tuple[int, ...]) -> LayerValue:
        width = prod(node.shape[1:] if steps else node.shape)
        return LayerValue(layer, node.name, width, steps, *((), ()) if steps else (shape, order))

    def ordered(self, values: np.ndarray) -> np.ndarray:
        """(n, width) in the order of the column."""
        if not self.order:
            return values
        return values.reshape(len(values), *self.shape).transpose(0, *self.order).reshape(values.shape)


def sequences(net: Net, inputs: Sequence[str]) -> set[str]:
    """The nodes whose rows have steps of their own, if those of these inputs do."""
    with_steps = set(inputs)
    for node in net.nodes:
        steps = [shape[0] for name, shape in zip(node.inputs, node.input_shapes, strict=True) if name in with_steps]
        if steps and node.layer.lengths(node.x, np.array(steps[:1], np.int32)) is not None:
            with_steps.add(node.name)
    return with_steps


@dataclass(frozen=True)
class Wanted:
    """What is computed of a network."""

    architecture: Architecture
    scores: bool
    """Whether the outputs' scores are."""
    nodes: tuple[str, ...] = ()
    """Nodes whose values are wanted beside them."""

    @property
    def whole(self) -> bool:
        """Whether it is the scores alone."""
        return self.scores and not self.nodes

    @property
    def ends(self) -> tuple[str, ...]:
        scored = self.architecture.scores_net().outputs if self.scores else ()
        return (*(out.name for out in scored), *self.nodes)

    @property
    def tops(self) -> tuple[Node, ...]:
        """The layers that the network of the scores leaves out, since they are the losses' links."""
        there = {node.name for node in self.architecture.scores_net().nodes}
        return tuple(node for node in self.architecture.net().nodes if node.name not in there)

    def net(self) -> Net:
        """The network that computes this and nothing else."""
        scores_net = self.architecture.scores_net()
        return scores_net if self.whole else scores_net.narrowed(self.ends, self.tops)

    def packed(self, net: Net, weights: np.ndarray) -> np.ndarray:
        """Of the flat vector of the network of the scores, that of ``net``, which computes this."""
        if self.whole:
            return weights
        arrays = self.architecture.scores_net().layout.named(weights)
        return net.layout.packed({slot.name: arrays[slot.name] for slot in net.layout.slots})
