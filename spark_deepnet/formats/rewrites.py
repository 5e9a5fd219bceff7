"""Three rewrites that remove Permutes without changing what a network computes, and the removal of unread layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.reshape import Reshape


@dataclass
class Rewritten:
    """Layers after the rewrites."""

    layers: list[Layer]
    alias: dict[str, str] = field(default_factory=dict)
    """Removed node -> the node with the same value."""
    rows: dict[str, tuple[Shape, tuple[int, ...]]] = field(default_factory=dict)
    """Dense layer -> the shape in the file's order of what its rows stand for, and where each axis of the order held is."""

    flat_images: dict[str, tuple[Shape, tuple[int, ...]]] = field(default_factory=dict)
    """Flatten layer -> the shape of what it reads, and the Permute that lay between."""

    def node(self, name: str) -> str:
        while name in self.alias:
            name = self.alias[name]
        return name

    def reordered(self, dense: str, W: np.ndarray) -> np.ndarray:
        """The W of a Dense layer, (inputs, units), with its rows in the order held."""
        shape, order = self.rows[dense]
        return W.reshape(*shape, W.shape[-1]).transpose(*order, len(order)).reshape(W.shape)


def rewritten(layers: Sequence[Layer], inputs: dict[str, Shape], keep: Collection[str], on: bool = True) -> Rewritten:
    """The layers that the nodes in ``keep`` and the outputs need; with ``on``, fewer Permutes among them."""
    result = Rewritten(_needed(layers, keep))
    if on:
        _cancel(result)
        result.layers = _needed(result.layers, [result.node(name) for name in keep])
        shapes = _shapes(result.layers, inputs)
        _reorder_dense(result, shapes, keep)
        _reshape(result, shapes)
        result.layers = _needed(result.layers, [result.node(name) for name in keep])
    return result


def _shapes(layers: Sequence[Layer], inputs: dict[str, Shape]) -> dict[str, Shape]:
    """Node -> the shape of a row."""
    shapes = dict(inputs)
    for layer in layers:
        if not isinstance(layer, Input | Output):
            sources = tuple(shapes[name] for name in layer.inputs or ())
            shapes[layer.name or ""] = tuple(layer.shape(sources if layer.multi_input else sources[0]))
    return shapes


def _needed(layers: Sequence[Layer], keep: Collection[str]) -> list[Layer]:
    """The layers that outputs, inputs and nodes to keep are made of, in their order."""
    wanted, needed = set(keep), []
    for layer in reversed(layers):
        if isinstance(layer, Output) or layer.name in wanted:
            needed.append(layer)
            wanted.update(layer.inputs or ())
            wanted.update([layer.share] if layer.share else ())
    return needed[::-1]


def _cancel(result: Rewritten) -> None:
    """Two Permutes one after the other that give the axes' first order: their readers read what the first one reads."""
    permutes: dict[str, Permute] = {}
    layers = []
    for layer in result.layers:
        layer = _redirected(layer, result)
        if isinstance(layer, Permute):
            (source,) = layer.inputs or ("",)
            before = permutes.get(source)
            if before is not None and all(before.order[axis - 1] == k for k, axis in enumerate(layer.order, 1)):
                result.alias[layer.name or ""] = (before.inputs or ("",))[0]
                continue
            permutes[layer.name or ""] = layer
        layers.append(layer)
    result.layers = layers


def _redirected(layer: Layer, result: Rewritten) -> Layer:
    """The layer, reading the nodes that have replaced removed ones."""
    if not layer.inputs or not any(name in result.alias for name in layer.inputs):
        return layer
    return replace(layer, inputs=tuple(map(result.node, layer.inputs)))


def _reorder_dense(result: Rewritten, shapes: dict[str, Shape], keep: Collection[str]) -> None:
    """Permute, Flatten and Dense layers: Flatten reads what the Permute reads, and each W gets its rows in that order."""
    by_name = {layer.name: layer for layer in result.layers}
    kept = {result.node(name) for name in keep}
    for i, layer in enumerate(result.layers):
        if not isinstance(layer, Flatten) or layer.name in kept:
            continue
        before = by_name.get((layer.inputs or ("",))[0])
        readers = [other for other in result.layers if layer.name in (other.inputs or ())]
        if not isinstance(before, Permute) or not all(isinstance(r, Dense) and r.share is None for r in readers):
            continue
        shape = shapes[before.name or ""]
        order = tuple(int(axis) for axis in np.argsort(before.order))
        result.rows.update({reader.name or "": (shape, order) for reader in readers})
        result.layers[i] = replace(layer, inputs=before.inputs)
        result.flat_images[layer.name or ""] = shapes[(before.inputs or ("",))[0]], before.order


def _reshape(result: Rewritten, shapes: dict[str, Shape]) -> None:
    """A Permute that moves only axes of 1 as a Reshape, which leaves the numbers where they are."""
    for i, layer in enumerate(result.layers):
        if isinstance(layer, Permute):
            shape = shapes[(layer.inputs or ("",))[0]]
            moved = [axis for axis in layer.order if shape[axis - 1] > 1]
            if moved == sorted(moved):
                result.layers[i] = Reshape(shapes[layer.name or ""], name=layer.name, inputs=layer.inputs)
