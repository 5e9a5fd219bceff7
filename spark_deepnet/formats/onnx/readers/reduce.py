"""Reductions over axes of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._joined import joined
from spark_deepnet.formats.onnx.readers.by_length import note_sum
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Masked, Tensor
from spark_deepnet.layers.abs import Abs
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.log import Log
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.power import Power
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.reshape import Reshape


def _axes(node: Node, x: Tensor) -> list[int] | None:
    """The axes of a row that are reduced; None: none."""
    axes, same = node.ints("axes", 1), bool(node.attr("noop_with_empty_axes", 0))
    if not axes:
        if same:
            return None
        raise node.refusal(f"it reduces all axes of {x}, also that of rows (N); give it the axes of a row")
    return sorted({node.axis(axis, x) for axis in axes})


def _pooled(node: Node, x: Tensor, axes: list[int], layer: Layer, suffix: str = "") -> Tensor:
    """The mean or the largest over axes of a row, which stay with a size of 1."""
    kept = [k for k in range(len(x.row)) if k not in axes]
    value, order = node.in_file_order(x), [*axes, *kept]
    if order != sorted(order):
        value = node.add(Permute(tuple(k + 1 for k in order)), value, suffix="turned")
    sizes = (-1, 1, prod(x.row[k] for k in kept))
    image = node.add(Reshape(sizes), value, suffix="lines")
    pooled = node.add(layer, image, suffix=suffix or "pooled")
    row = tuple(1 if k in axes else n for k, n in enumerate(x.row))
    return replace(x, value=node.add(Reshape(row), pooled, suffix=f"{suffix}.kept"))


def _finished(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    """Without the axes, if they are not to be kept."""
    if node.attr("keepdims"):
        return x
    drop = {axis + (axis >= x.rows) for axis in axes}
    sizes = [-1 if k == x.rows else n for k, n in enumerate(x.sizes(1))]
    sizes = [n for k, n in enumerate(sizes) if k not in drop]
    rows = sizes.index(-1)
    row = (*sizes[:rows], *sizes[rows + 1 :])
    return Tensor.of_row(node.add(Reshape(row or (1,)), node.in_file_order(x)), row, rows)


def _mean(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return _pooled(node, x, axes, GlobalAveragePool2D())


def _sum(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return node.along(Rescaling(float(prod(x.row[k] for k in axes))), _mean(node, x, axes), suffix="sum")


def _max(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return _pooled(node, x, axes, GlobalMaxPool2D())


def _min(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    minus = node.along(Rescaling(-1.0), x, suffix="minus")
    return node.along(Rescaling(-1.0), _max(node, minus, axes), suffix="least")


def _l1(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return _sum(node, node.along(Abs(), x, suffix="abs"), axes)


def _squares(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return _sum(node, node.along(Power(2.0), x, suffix="squares"), axes)


def _l2(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return node.along(Power(0.5), _squares(node, x, axes), suffix="root")


def _log_sum(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    return node.along(Log(), _sum(node, x, axes), suffix="log")


def _log_sum_exp(node: Node, x: Tensor, axes: list[int]) -> Tensor:
    """m + log sum e^(x - m), m the largest"""
    top = _pooled(node, x, axes, GlobalMaxPool2D(), "largest")
    below = joined(node, Add(), x, node.along(Rescaling(-1.0), top, suffix="minus"), suffix="below")
    total = _log_sum(node, node.along(Exponential(), below, suffix="exp"), axes)
    return joined(node, Add(), top, total, suffix="whole")


KINDS: dict[str, tuple[Callable[[Node, Tensor, list[int]], Tensor], int, str]] = {
    "ReduceMean": (_mean, 18, "global_average_pool2d"),
    "ReduceSum": (_sum, 13, "global_average_pool2d, rescaling"),
    "ReduceMax": (_max, 20, "global_max_pool2d"),
    "ReduceMin": (_min, 20, "global_max_pool2d, rescaling"),
    "ReduceL1": (_l1, 18, "abs, global_average_pool2d, rescaling"),
    "ReduceL2": (_l2, 18, "power, global_average_pool2d, rescaling"),
    "ReduceSumSquare": (_squares, 18, "power, global_average_pool2d, rescaling"),
    "ReduceLogSum": (_log_sum, 28, "global_average_pool2d, rescaling, log"),
    "ReduceLogSumExp": (_log_sum_exp, 28, "global_max_pool2d, add, exponential, global_average_pool2d, log"),
}


def _reduced(node: Node) -> Tensor:
    """Over axes of a row, with permute and reshape before and behind"""
    lowest = node.inputs[0]
    x = lowest.x if isinstance(lowest, Masked) and node.op == "ReduceMax" else node.tensor()
    axes = _axes(node, x)
    if axes is None:
        return x
    total = _finished(node, KINDS[node.op][0](node, x, axes), axes)
    if node.op == "ReduceSum" and node.reading.sequences.inputs:
        note_sum(node, x, axes, _finished(node, _mean(node, x, axes), axes), total)
    return total


for _name, (_, _to, _gives) in KINDS.items():
    reads(_name, to=_to, gives=_gives)(_reduced)
