"""A foreign network as what a DeepNetModel is made of."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.layers.input import Input
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.tokens import vocabulary_of
from spark_deepnet.plan.architecture import Architecture, InputSpec


def architecture_and_weights(foreign: Foreign, seed: int = 0) -> tuple[Architecture, np.ndarray]:
    """The architecture, whose shapes are checked, and the flat vector of the weights of the network that scores."""
    entries = tuple(_entry(foreign, layer) for layer in foreign.layers if isinstance(layer, Input))
    architecture = Architecture(foreign.layers, entries, foreign.loss)
    architecture.check_shapes()
    return architecture, foreign.flat(architecture.scores_net(), seed)


def _entry(foreign: Foreign, layer: Input) -> InputSpec:
    name = layer.name or INPUT
    readers = [other for other in foreign.layers if name in (other.inputs or ())]
    return InputSpec(
        foreign.inputs[name],
        name,
        layer.columns,
        tokens=max(map(vocabulary_of, readers), default=0),
        rgb=layer.channel_order == "rgb",
    )
