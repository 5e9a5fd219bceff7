"""The order of features that were an image, which PyTorch flattens channels first and this package channels last."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from spark_deepnet.formats.axes import TO_FOREIGN
from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node

STEPS_FIRST = (
    "embedding",
    "lstm",
    "gru",
    "simple_rnn",
    "bidirectional",
    "multi_head_attention",
    "positional_embedding",
)
"""Layers whose rows PyTorch too has as (steps, features)."""
FLATTEN = ("flatten", "reshape")
MIXING = ("dense", "flatten", "reshape", "permute")

Orders = dict[str, np.ndarray]


def feature_orders(net: Net) -> Orders:
    """Node -> which of PyTorch's features each of its features is, where the order differs."""
    channels_first = _channels_first(net)
    shapes: dict[str, Shape] = dict(net.inputs) | {node.name: node.shape for node in net.nodes}
    orders: Orders = {}
    _carry_on(net, channels_first, orders, shapes)
    for node in net.nodes:
        _carry_back(node, net, orders)
    _carry_on(net, channels_first, orders, shapes)
    return orders


def _carry_on(net: Net, first: set[str], orders: Orders, shapes: Mapping[str, Shape]) -> None:
    """From each node to those that read it, up to a layer that mixes features."""
    for node in net.nodes:
        if len(node.shape) == 1 and node.name not in orders:
            order = _order(node, first, orders, shapes)
            if order is not None:
                orders[node.name] = order


def flat_order(shape: Shape) -> np.ndarray:
    """Feature of a row (height, width, channels), or (steps, channels), flattened -> its place channels first."""
    to_foreign = [axis - 1 for axis in TO_FOREIGN[len(shape)]]
    foreign = np.arange(prod(shape)).reshape([shape[axis] for axis in to_foreign])
    return foreign.transpose(np.argsort(to_foreign)).reshape(-1)


def _channels_first(net: Net) -> set[str]:
    """The nodes whose rows PyTorch has channels first: images, and sequences behind a Conv1D."""
    first = {name for name, shape in net.inputs.items() if len(shape) == 3}
    for node in net.nodes:
        image = len(node.shape) == 3 and node.layer.kind != "permute"
        if image or node.layer.kind == "conv1d" or _inherits(node, first):
            first.add(node.name)
    return first


def _inherits(node: Node, first: set[str]) -> bool:
    """Whether a sequence is channels first because what it is made of is."""
    kept = node.layer.kind not in (*STEPS_FIRST, "permute", "dense")
    return kept and len(node.shape) == 2 and len(node.input_shapes[0]) == 2 and bool(set(node.inputs) & first)


def _order(node: Node, first: set[str], orders: Orders, shapes: Mapping[str, Shape]) -> np.ndarray | None:
    """The order of a node's features, from those of the nodes that it reads."""
    source = node.inputs[0]
    if node.layer.kind in FLATTEN:
        return (
            flat_order(shapes[source]) if source in first and len(shapes[source]) in TO_FOREIGN else orders.get(source)
        )
    known = [orders.get(name) for name in node.inputs]
    if node.layer.kind in MIXING or all(order is None for order in known):
        return None
    if node.layer.kind == "concatenate":
        return _concatenated(known, [shapes[name][0] for name in node.inputs])
    return known[0] if all(shapes[name] == node.shape for name in node.inputs) else None


def _concatenated(orders: list[np.ndarray | None], sizes: list[int]) -> np.ndarray:
    whole = [np.arange(size) if order is None else order for order, size in zip(orders, sizes, strict=True)]
    starts = np.cumsum([0, *sizes[:-1]])
    return np.concatenate([order + start for order, start in zip(whole, starts, strict=True)])


def _carry_back(node: Node, net: Net, orders: Orders) -> None:
    """A vector that becomes an image: the layers before it give their features in the order of that."""
    if node.layer.kind != "reshape" or len(node.input_shapes[0]) != 1 or len(node.shape) != 3:
        return
    order, nodes = flat_order(node.shape), {each.name: each for each in net.nodes}
    source = nodes.get(node.inputs[0])
    while source is not None and source.name not in orders and len(source.shape) == 1:
        orders[source.name] = order
        same = source.layer.kind not in MIXING and source.input_shapes == (source.shape,)
        source = nodes.get(source.inputs[0]) if same else None
