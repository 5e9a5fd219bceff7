"""Inputs of tokens: whole numbers, which float32 cannot represent from 2^24 on."""

from __future__ import annotations

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.layer import Layer
from spark_deepnet.net.net import Net

MAX_IN_FLOATS = 1 << 24
"""float32 represents all whole numbers from 0 to this."""


def vocabulary_of(layer: Layer) -> int:
    """The size of a layer's vocabulary; 0 if its input is not tokens."""
    return int(getattr(layer, "vocabulary", 0))


def token_inputs(net: Net) -> frozenset[str]:
    """The inputs that are read only as tokens; they are fed as int32."""
    readers = {name: [node.layer for node in net.nodes if name in node.inputs] for name in net.inputs}
    return frozenset(name for name, layers in readers.items() if layers and all(map(vocabulary_of, layers)))


def check_vocabularies(net: Net) -> None:
    """Refuse tokens that pass through other layers, and so through float32, which cannot distinguish them."""
    whole = token_inputs(net)
    for node in net.nodes:
        if vocabulary_of(node.layer) > MAX_IN_FLOATS and not whole.issuperset(node.inputs):
            raise NetworkError(
                f"layer {node.name!r}: a vocabulary of {vocabulary_of(node.layer)} after {node.inputs[0]!r}, whose numbers "
                f"are float32, which distinguishes tokens only up to {MAX_IN_FLOATS}; give it its own input"
            )
