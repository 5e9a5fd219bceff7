"""Masks and divisors by the length of a row, which are part of the layers here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.sequences import ends_of
from spark_deepnet.formats.onnx.values import Const, Masked, Operand, Picked, Table, Tensor
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.slice import Slice

LOWEST = -1e38
"""What is below stands for minus infinity."""


def masked(node: Node) -> Operand:
    """A value whose steps behind a row's end are set to a number: 0 is what they are here."""
    mask, x, fill = node.inputs
    number = fill.array if isinstance(fill, Const) else None
    if not isinstance(mask, Table) or not isinstance(x, Tensor) or number is None or number.size != 1:
        raise node.refusal("what it chooses by the length of a row is not read")
    if mask.array.size == len(mask.array):  # whether a row has steps
        if number.item() != 0:
            raise node.refusal(f"it puts {number.item()} in place of rows without steps; 0 is read")
        return x
    known = ends_of(mask.array)
    if known is None or mask.array.ndim != x.rank or x.sizes(len(mask.array))[known[1]] != mask.array.shape[known[1]]:
        raise node.refusal(f"its condition is not one of the steps of {x} up to a row's end")
    node.reading.sequences.expect(x.value.node, node.spec.name, known[0])
    if number.item() == 0:
        return x
    if number.item() < LOWEST:
        return Masked(x)
    raise node.refusal(f"it puts {number.item()} behind the end of rows; 0 is read, and what stands for minus infinity")


def mean_of_sum(node: Node, x: Tensor, divisor: Table) -> Tensor:
    """A sum over steps, divided by their number: the mean over the row's own steps."""
    summed = node.reading.sums.get(x.value.node)
    if summed is None:
        raise node.refusal("it divides by a number for each length what is no sum over the steps of a row")
    mean, source, cells = summed
    ends = divisor.array.reshape(-1) / cells
    if divisor.array.size != len(divisor.array) or not np.array_equal(ends, np.round(ends)):
        raise node.refusal("it divides by what is not the number of a row's steps")
    node.reading.sequences.expect(source, node.spec.name, ends)
    return mean


def note_sum(node: Node, x: Tensor, axes: list[int], mean: Tensor, total: Tensor) -> None:
    """Remember of which mean a sum over steps, and perhaps other axes, is."""
    node.reading.sums[total.value.node] = mean, x.value.node, prod(x.row[k] for k in axes) // x.value.held[0]


def picked(node: Node) -> Picked:
    """The steps of a row from one on that hangs on the row's length"""
    places = node.inputs[1]
    if int(node.attr("batch_dims", 0)) != 1 or not isinstance(places, Table) or places.array.ndim != 3:
        raise node.refusal("only steps that are counted from a row's end are read, as toOnnx writes them")
    return Picked(node.tensor(0), places.array[:, :, 0])


def cut(node: Node) -> Tensor:
    """Picked steps, with 0 where a row has no such step, as a Slice: which, the ends of its rows say."""
    inside, x, fill = node.inputs
    if not isinstance(x, Picked) or not isinstance(inside, Table) or not isinstance(fill, Const):
        raise node.refusal("what it chooses by the length of a row is not read")
    value = node.in_file_order(x.x)
    real = inside.array.reshape(x.places.shape)
    ends = node.reading.sequences.ends_at(x.x.value.node, len(x.places))
    layers: list[Layer] = [] if fill.array.any() else [*_slices(x.places, real, ends, value.shape[0])]
    if not layers:
        raise node.refusal("where its windows begin hangs on the length of a row in a way that is not read")
    y = node.add(layers[0], value)
    node.reading.sequences.alternatives[y.node] = layers
    return replace(x.x, value=y)


def _slices(places: np.ndarray, inside: np.ndarray, ends: np.ndarray, steps: int) -> Iterator[Slice]:
    """The slices along the steps that begin where these places do, in rows that end at these steps."""
    count = places.shape[1]
    start = int(places[-1, 0]) if inside[-1, 0] else steps
    for begin in dict.fromkeys((start - steps, start)):
        for stop in dict.fromkeys((None, start + count - steps, start + count)):
            own = [np.arange(end)[begin:stop] for end in ends]
            lines = zip(own, places, inside, strict=True)
            if len(range(steps)[begin:stop]) == count and all(_begins(*line) for line in lines):
                yield Slice(begin, stop, axis=0)


def _begins(own: np.ndarray, places: np.ndarray, inside: np.ndarray) -> bool:
    """Whether these steps of a row are the first of those that are picked."""
    return np.array_equal(own, places[: len(own)]) and bool(inside[: len(own)].all())
