"""The inputs of an ONNX graph as inputs of the network: the shape of a row, and the order in which it is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.arguments import sizes_of
from spark_deepnet.formats.axes import TO_FOREIGN, permuted
from spark_deepnet.formats.onnx.foreign_graph import Graph
from spark_deepnet.formats.onnx.node import MAX_ROW_NUMBERS
from spark_deepnet.formats.onnx.reading import Reading
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.layer import Shape

FLOATS, WHOLE = (1, 10, 11, 16), (2, 3, 4, 5, 6, 7, 12, 13)
CHANNELS_FIRST = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "GlobalMaxPool",
        "GlobalAveragePool",
        "BatchNormalization",
        "InstanceNormalization",
        "LRN",
        "PRelu",
    ]
)
"""Operators whose input is (N, channels, ...)."""
POINTWISE = frozenset(
    [
        "Identity",
        "Cast",
        "Dropout",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Relu",
        "Clip",
        "Neg",
        "Sqrt",
        "Exp",
        "Log",
        "Abs",
        "Pow",
        "Pad",
    ]
)
MAX_AXES = 16
Given = Sequence[int] | Mapping[str, Sequence[int]] | None


@dataclass(frozen=True)
class InputShape:
    """An input of the graph."""

    name: str
    batch: int | None
    """The number of rows that the file says."""
    row: Shape
    """In the file's order."""
    file_order: bool
    """Whether a row is held in the file's order."""
    integer: bool


def input_of(graph: Graph, proto: Any, given: Given, count: int) -> InputShape:
    """An input; FormatError where no size is known. given: of a row as the network takes it, by name if there are many."""
    where = f"{graph.file}: input {proto.name[:80]!r}"
    kind = proto.type.tensor_type
    if not proto.type.HasField("tensor_type") or kind.elem_type not in FLOATS + WHOLE:
        raise FormatError(f"{where} has no numbers; constants= binds an input, outputs= leaves out what reads it")
    if not kind.HasField("shape") or not kind.shape.dim or len(kind.shape.dim) > MAX_AXES:
        raise FormatError(f"{where} has no axis of rows, or too many; constants= binds it to an array")
    dims = [int(dim.dim_value) if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    file_order = _in_file_order(graph, proto.name, len(dims) - 1)
    sizes = _sizes(where, dims[1:], _given_shape(where, proto.name, given, count), file_order)
    if prod(sizes) > MAX_ROW_NUMBERS:
        raise FormatError(f"{where}: a row of {sizes} would have {prod(sizes)} numbers; the limit is {MAX_ROW_NUMBERS}")
    return InputShape(proto.name, dims[0] if dims[0] > 0 else None, sizes, file_order, kind.elem_type in WHOLE)


def _given_shape(where: str, name: str, given: Given, count: int) -> Shape | None:
    if given is None or isinstance(given, Mapping):
        own = given.get(name) if given else None
    elif count > 1:
        raise FormatError(f"{where}: the graph has {count} inputs; give inputShape as {{name: shape}}")
    else:
        own = given
    if own is None:
        return None
    return sizes_of(own, f"a row of {name!r}")


def _sizes(where: str, dims: list[int], given: Shape | None, file_order: bool) -> Shape:
    """The sizes of a row in the file's order."""
    if given is not None:
        own = given if file_order else permuted(given, TO_FOREIGN)
        if len(own) != len(dims) or any(dim > 0 and dim != size for dim, size in zip(dims, own, strict=True)):
            raise FormatError(f"{where} has rows of {_shown(dims)} in the file's order, inputShape says {own}")
        return own
    if min(dims, default=1) < 1:
        raise FormatError(f"{where} has rows of {_shown(dims)}: nothing fixes their sizes (?); give inputShape")
    return tuple(dims)


def _shown(dims: list[int]) -> str:
    return "(" + ", ".join(str(dim) if dim > 0 else "?" for dim in dims) + ")"


def _in_file_order(graph: Graph, name: str, axes: int) -> bool:
    """Images are held with channels last unless the graph itself turns them, and sequences where their channels are
    first for those that read them. What this package wrote has them as they are held."""
    if axes not in (2, 3):
        return False
    if graph.own:
        return True
    ops = {node.op_type for node in _readers(graph, name)}
    return ops == {"Transpose"} if axes == 3 else not ops & CHANNELS_FIRST


def _readers(graph: Graph, name: str) -> list[Any]:
    """The nodes that read a value, or what pointwise nodes make of it."""
    names, readers = {name}, []
    for node in graph.proto.node:
        if names & set(node.input):
            if node.op_type in POINTWISE:
                names.update(node.output)
            else:
                readers.append(node)
    return readers


def added(reading: Reading, shape: InputShape, only: bool) -> Tensor:
    """The input in the network."""
    column = None if only else shape.name
    value = reading.assembly.input(shape.name, shape.row or (1,), shape.file_order, column=column)
    return Tensor.of_row(value, shape.row, 0, shape.integer)
