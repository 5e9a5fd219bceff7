"""The outputs of the network behind the values that are a graph's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.reading import Reading
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.linear import Linear
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import LOSS_OF_TOP, loss_of_top


def marked(reading: Reading, names: Sequence[str], values: Sequence[Value], vectors: bool) -> Loss | None:
    """Add what stands behind the outputs. Returns the loss of the network's single output, which no Output marks."""
    assembly = reading.assembly
    ends = [_end(reading, value, vectors) for value in values]
    if len(ends) == 1 and assembly.layers[-1].name == ends[0].node:
        return Loss.of(loss_of_top(assembly.layers[-1], ends[0].held))
    layers = {layer.name: layer for layer in assembly.layers}
    for name, end in zip(names, ends, strict=True):
        loss = Loss.of(loss_of_top(layers[end.node], end.held))
        assembly.layers.append(Output(loss=loss, inputs=(end.node,), name=name))
    return None


def _end(reading: Reading, value: Value, vectors: bool) -> Value:
    """The value, with ``vectors`` as a vector in the file's order; a softmax or sigmoid over one place goes behind the
    Flatten, so that the loss sees it."""
    assembly = reading.assembly
    top = next(layer for layer in assembly.layers if layer.name == value.node)
    if isinstance(top, Input):
        return assembly.add(f"{value.node}.output", Linear(), value)
    if not vectors or len(value.shape) == 1:
        return value
    if top.kind in LOSS_OF_TOP and top.inputs and _over_one_place(top, value):
        before = replace(value, node=top.inputs[0])
        flat = assembly.add(f"{value.node}.flat", Flatten(), reading.in_file_order(before))
        return assembly.add(f"{value.node}.vector", _of_vectors(top), flat)
    return assembly.add(f"{value.node}.flat", Flatten(), reading.in_file_order(value))


def _over_one_place(top: Layer, value: Value) -> bool:
    """Whether all axes but one, that of a softmax, have the size 1."""
    own = value.held[getattr(top, "axis", -1)] if hasattr(top, "axis") else max(value.shape)
    return own == prod(value.shape)


def _of_vectors(top: Layer) -> Layer:
    """The layer, a softmax along the only axis."""
    changes: dict[str, Any] = {"axis": -1} if hasattr(top, "axis") else {}
    return replace(top, **changes)
