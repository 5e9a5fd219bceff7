"""Converts handles to the equivalent list of layers, with ``inputs`` and ``share``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers._handle import Handle
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.net.wires import INPUT, Wirer, given_names


def layers_of(layers: Any) -> list[Layer]:
    """The layers of a network as a list, from layers (objects, names or JSON), the handle of its output, or a list of
    handles of its outputs.

    Each handle's layer comes after those it reads, and names them in ``inputs`` if it does not read the one before it.
    A layer that is called again becomes a layer with ``share``. The network assigns the names, the same as here.
    """
    ends = [layers] if isinstance(layers, Handle) else layers
    if not isinstance(ends, Sequence | None) or isinstance(ends, str):
        raise NetworkError(f"layers: expected a list of layers, as in [Dense(10)], found {ends!r}"[:200])
    if not ends:
        raise NetworkError("layers: the list is empty; give at least one layer, as in [Dense(10)]")
    if not any(isinstance(end, Handle) for end in ends):
        return [Layer.of(layer) for layer in ends]
    for end in ends:
        if not isinstance(end, Handle):
            raise NetworkError(f"layers: expected only handles or only layers, found {end!r} among handles")
    handles = _in_order(ends)
    inputs = [h.layer.name or INPUT for h in handles if isinstance(h.layer, Input)]
    writer = _Writer(Wirer(inputs, given_names(h.layer for h in handles)))
    for handle in handles:
        writer.write(handle)
    return writer.layers


def _in_order(ends: Sequence[Handle]) -> list[Handle]:
    """The handles of a network, each after those it reads, which are in the order in which it reads them."""
    order: dict[Handle, None] = {}
    waiting = list(reversed(ends))
    while waiting:
        missing = [source for source in waiting[-1].sources if source not in order]
        if missing:
            waiting.extend(reversed(missing))
        else:
            order[waiting.pop()] = None
    return list(order)


class _Writer:
    """Converts handles one after another, with the names that the network will assign."""

    def __init__(self, wirer: Wirer) -> None:
        self.layers: list[Layer] = []
        self.wirer = wirer
        self.names: dict[Handle, str] = {}
        self.owners: dict[int, str] = {}
        """id of a layer with weights -> the name of its first call."""

    def write(self, handle: Handle) -> None:
        layer = handle.layer
        if isinstance(layer, Input):
            self.names[handle] = layer.name or INPUT
            if layer not in self.layers:
                self._take(layer)
            return
        self.names[handle] = self._take(self._joined(handle, self._shared(layer)))
        if type(layer).weights is not Layer.weights:
            self.owners.setdefault(id(layer), self.names[handle])

    def _take(self, layer: Layer) -> str:
        self.layers.append(layer)
        return self.wirer.take(layer)

    def _shared(self, layer: Layer) -> Layer:
        """A layer that was called before becomes another node with the weights of the first."""
        owner = self.owners.get(id(layer))
        return (
            layer
            if owner is None
            else replace(layer, name=None, share=layer.share or owner, trainable=True, rates=None, decays=None)
        )

    def _joined(self, handle: Handle, layer: Layer) -> Layer:
        """The layer with the names of its inputs, if it does not read the one before it."""
        sources = tuple(self.names[source] for source in handle.sources)
        return layer if self.wirer.reads_last(sources) else replace(layer, inputs=sources)
