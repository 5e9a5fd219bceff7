"""A network as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.node import Node
from spark_deepnet.plotting.figure import label
from spark_deepnet.plotting.graph import plot_graph


def picture(inputs: Mapping[str, Shape], nodes: Sequence[Node], ax: Any) -> Any:
    """A box for each input and node: its name, then its kind and the shape of its values; returns the Axes."""
    texts = {name: f"{label(name)}\n{_shape(shape)}" for name, shape in inputs.items()}
    sources: dict[str, Sequence[str]] = dict.fromkeys(inputs, ())
    for node in nodes:
        texts[node.name] = f"{label(node.name)}\n{label(node.layer.kind)} {_shape(node.shape)}"
        sources[node.name] = node.inputs
    return plot_graph(texts, sources, ax)


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape))
