"""A foreign network as what a DeepNetModel is made of."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.layers.input import ANY_LENGTH, Input
from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.tokens import vocabulary_of
from spark_deepnet.plan.architecture import Architecture, InputSpec


def architecture_and_weights(foreign: Foreign, seed: int = 0) -> tuple[Architecture, np.ndarray]:
    """The architecture, whose shapes are checked, and the flat vector of the weights of the network that scores."""
    net = foreign.net()
    inputs = {layer.name or INPUT: layer for layer in foreign.layers if isinstance(layer, Input)}
    entries = tuple(_entry(net, name, shape, inputs.get(name, Input())) for name, shape in foreign.inputs.items())
    architecture = Architecture(foreign.layers, entries, foreign.loss)
    architecture.check_shapes()
    return architecture, foreign.flat(architecture.scores_net(), seed)


def _entry(net: Net, name: str, shape: Shape, layer: Input) -> InputSpec:
    readers = [node.layer for node in net.nodes if name in node.inputs]
    return InputSpec(
        shape,
        name,
        layer.columns,
        steps=layer.sizes is not None and layer.sizes[0] == ANY_LENGTH,
        tokens=max(map(vocabulary_of, readers), default=0),
        rgb=layer.channel_order == "rgb",
    )
