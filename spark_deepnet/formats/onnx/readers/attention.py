"""Self-attention as toOnnx writes it: the product of two values of a network, on its way to a MultiHeadAttention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isclose, sqrt

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.sequences import ends_of
from spark_deepnet.formats.onnx.values import Attention, Const, Projected, Table, Tensor
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.scale import Scale

HIDDEN = -1e8
"""A score below stands for a step that is not seen."""
HEADS_FIRST, KEYS_LAST = (2, 1, 3), (1, 3, 2)


def scores(node: Node, q: Tensor, k: Tensor) -> Attention:
    """q k^T of each head."""
    queries, keys = _projected(node, q, ()), _projected(node, k, (KEYS_LAST,))
    if queries is None or keys is None or queries.source != keys.source or queries.heads != keys.heads:
        raise node.refusal(
            "it multiplies two values of the network, for which there is no layer; one must be a constant, or they are "
            "queries and keys of a self-attention as toOnnx writes it"
        )
    return Attention(queries, keys, q.row[1])


def masked(node: Node, x: Attention) -> Attention:
    """The scores, those of steps behind a row's end hidden."""
    mask, fill = node.inputs[0], node.inputs[2]
    known = ends_of(mask.array) if isinstance(mask, Table) else None
    hidden = isinstance(fill, Const) and fill.array.size == 1 and fill.array.item() < HIDDEN
    if known is None or not hidden or known[1] != 3 or x.stage != "scores":
        raise node.refusal("its condition is not one of the steps up to a row's end, for the scores of an attention")
    node.reading.sequences.expect(x.q.source.node, node.spec.name, known[0])
    return x


def causal(node: Node, x: Attention, ahead: np.ndarray) -> Attention:
    """The scores, those of later steps hidden."""
    later = np.triu(np.ones((x.steps, x.steps), bool), 1)
    if (
        x.stage != "scores"
        or ahead.shape != later.shape
        or not np.array_equal(ahead < HIDDEN, later)
        or ahead[~later].any()
    ):
        raise node.refusal("what it adds to the scores of an attention does not hide the later steps alone")
    return replace(x, causal=True)


def weighted(node: Node, x: Attention, v: Tensor) -> Attention:
    """Shares of the steps times v."""
    values = _projected(node, v, ())
    if x.stage != "shares" or values is None or (values.source, values.heads) != (x.q.source, x.q.heads):
        raise node.refusal("it multiplies the shares of an attention by what are not its values")
    return replace(x, stage="heads", v=values)


def turned(node: Node, x: Attention) -> Attention:
    """The steps before the heads."""
    if x.stage != "heads" or list(node.attr("perm") or ()) != [0, 2, 1, 3]:
        raise node.refusal("it turns an attention otherwise than its heads behind its steps")
    return replace(x, stage="steps")


def side_by_side(node: Node, x: Attention) -> Attention:
    """The heads as one axis."""
    sizes = [int(size) for size in node.const(1, "shape").reshape(-1)]
    if x.stage != "steps" or len(sizes) != 3 or sizes[1:] not in ([x.steps, x.q.W.shape[1]], [x.steps, -1]):
        raise node.refusal(f"it gives the heads of an attention the shape {sizes}")
    return replace(x, stage="lines")


def output(node: Node, x: Attention, W: np.ndarray) -> Tensor:
    """The heads side by side times Wo: the layer, without the bias that an Add behind it has."""
    source, v = x.q.source, x.v
    features, width = source.shape[-1], x.q.W.shape[1]
    if x.stage != "lines" or v is None or W.shape != (width, features):
        raise node.refusal(f"its matrix {W.shape} does not make {features} features of an attention's heads again")
    each = width // x.q.heads
    own = x.q.factor * x.k.factor * sqrt(each)
    factor = np.float32(1 if isclose(own, 1, rel_tol=1e-6) else own)
    weights = {"Wq": factor * x.q.W, "bq": factor * x.q.b, "Wk": x.k.W, "bk": x.k.b, "Wv": v.factor * v.W}
    weights |= {"bv": v.factor * v.b, "Wo": W, "bo": np.zeros(features, np.float32)}
    return Tensor(node.add(MultiHeadAttention(x.q.heads, each, x.causal), source, weights=weights))


def _projected(node: Node, x: Tensor, before: tuple[tuple[int, ...], ...]) -> Projected | None:
    """Which product with a matrix the heads (heads, steps, columns) are; None if they are made otherwise."""
    chain = list(_chain(node, x.value.node))
    factor = float(np.prod([layer.scale for layer in chain if isinstance(layer, Rescaling)]))
    shifted = any(layer.offset for layer in chain if isinstance(layer, Rescaling))
    orders = tuple(layer.order for layer in chain if isinstance(layer, Permute))
    shapes = [layer.target for layer in chain if isinstance(layer, Reshape)]
    dense = chain[-1] if chain and isinstance(chain[-1], Dense) else None
    if dense is None or shifted or orders != (*before, HEADS_FIRST) or len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    W = node.reading.weights[f"{dense.name}/W"]
    b = sum((node.reading.weights[f"{layer.name}/beta"] for layer in chain if isinstance(layer, Scale)), np.float32(0))
    source = Value((dense.inputs or ("",))[0], (shapes[0][0], W.shape[0]), steps_first=True)
    return Projected(source, W, b + np.zeros_like(W[0]), shapes[0][1], factor)


def _chain(node: Node, name: str) -> Iterator[Layer]:
    """The layers that a value is made by, one after another, up to a product with a matrix."""
    layers = {layer.name: layer for layer in node.reading.assembly.layers}
    while name in layers and isinstance(layers[name], Rescaling | Permute | Reshape | Scale | Dense):
        layer = layers[name]
        if isinstance(layer, Scale) and layer.scale:
            return
        yield layer
        if isinstance(layer, Dense):
            return
        (name,) = layer.inputs or ("",)
