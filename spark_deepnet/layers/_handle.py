"""Handles: networks written by calling layers on one another, as with Keras's functional API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import NetworkError


@dataclass(frozen=True, eq=False, repr=False)
class Handle:
    """The result of calling a layer: ``Dense(3)(x)``. The handle of the output is the whole network."""

    layer: Any
    sources: tuple[Handle, ...] = ()
    """The handles that it reads; none: it is an Input."""

    def __repr__(self) -> str:
        return f"Handle({self.layer!r})"


def called(layer: Any, sources: Sequence[Any]) -> Handle:
    """The handle of a layer over these sources, or over a list of them."""
    if len(sources) == 1 and isinstance(sources[0], list | tuple):
        sources = sources[0]
    if layer.is_input or layer.inputs is not None:
        what = "is an input" if layer.is_input else f"has inputs={layer.inputs!r} already"
        raise NetworkError(f"layer {layer!r} {what}, so it cannot be called")
    if not sources:
        raise NetworkError(
            f"layer {layer!r} is called on nothing; give it a handle or an Input, as in Dense(3)(Input())"
        )
    return Handle(layer, tuple(_handle(layer, source) for source in sources))


def _handle(layer: Any, source: Any) -> Handle:
    if isinstance(source, Handle):
        return source
    if getattr(source, "is_input", False):
        return Handle(source)
    raise NetworkError(f"layer {layer!r} is called on {source!r}; expected handles or Input layers")
