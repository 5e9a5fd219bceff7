"""What a reader of a foreign file returns: a network in this package's layers, with its weights by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.axes import Value
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import Net


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

    def net(self) -> Net:
        """The network; NetworkError if its layers do not fit together."""
        return Net.of(self.layers, self.inputs)

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
