"""What a reader of a foreign file returns: a network in this package's layers, with its weights by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.axes import TO_FOREIGN, Value
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import Net


@dataclass(frozen=True)
class FileValue:
    """Where a value of a file is in the network, and how its numbers come into the file's order."""

    node: str
    shape: Shape = ()
    """Of a row as it is held, where its axes are in another order in the file."""
    order: tuple[int, ...] = ()
    """The axes of ``shape``, counted from 1, in the order of the file; none: as they are."""

    @staticmethod
    def of(value: Value) -> FileValue:
        rank = len(value.shape)
        if value.steps_first or rank not in TO_FOREIGN:
            return FileValue(value.node)
        return FileValue(value.node, value.held, TO_FOREIGN[rank])

    def fits(self, net: Net) -> bool:
        """Whether it may be a value of this network."""
        shapes = {node.name: node.shape for node in net.nodes}
        if self.node not in shapes or sorted(self.order) != list(range(1, len(self.shape) + 1)):
            return False
        return not self.shape or (min(self.shape) > 0 and prod(self.shape) == prod(shapes[self.node]))


@dataclass(frozen=True)
class Foreign:
    """A network from a foreign file, enough for ``Net``, ``Layout``, ``Runner``, and for a DeepNetModel."""

    layers: tuple[Layer, ...]
    inputs: Mapping[str, Shape]
    """Input -> the shape of one row as the network takes it: an image is (height, width, channels)."""
    weights: Mapping[str, np.ndarray]
    """ "layer/weight" -> array; a layer that the file has no weights of is missing."""
    loss: Loss | None
    """Of outputs that have none of their own."""
    names: Mapping[str, Value] = field(default_factory=dict)
    """The file's name of a value -> the layer that computes it, and its shape in the file."""
    flat_images: Mapping[str, tuple[Shape, tuple[int, ...]]] = field(default_factory=dict)
    """Layer whose value is a flat image, held in the order of the image -> the image's shape, and the order of the file."""

    def net(self) -> Net:
        """The network; NetworkError if its layers do not fit together."""
        return Net.of(self.layers, self.inputs)

    def file_values(self) -> dict[str, FileValue]:
        """The file's name of a value -> where it is; of those that are not inputs."""
        nodes = {node.name for node in self.net().nodes}
        flat = {node: FileValue(node, shape, order) for node, (shape, order) in self.flat_images.items()}
        return {
            name: flat.get(value.node, FileValue.of(value)) for name, value in self.names.items() if value.node in nodes
        }

    def flat(self, net: Net, seed: int = 0) -> np.ndarray:
        """The weights as the network's flat vector; those that the file has not are initialised from the seed."""
        flat = net.layout.init_weights(seed)
        views = net.layout.named(flat)
        for name, array in self.weights.items():
            if name not in views or views[name].shape != array.shape:
                expected = views[name].shape if name in views else "no such weight"
                raise FormatError(f"weight {name!r}: the network has {expected}, the file {array.shape}")
            views[name][...] = array
        return flat
