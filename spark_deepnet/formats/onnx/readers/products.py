"""Gemm and MatMul: products with a constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers.attention import output, scores, weighted
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Attention, Const, Tensor
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.permute import Permute


@reads("Gemm", to=13, gives="dense")
def gemm(node: Node) -> Tensor:
    """Of vectors with a constant matrix"""
    x, B = node.tensor(), node.numbers(1, "B")
    alpha, beta = float(node.attr("alpha")), float(node.attr("beta"))
    W = B.T if node.attr("transB") else B
    if node.attr("transA") or x.rank != 2 or x.rows:
        raise node.refusal(f"its input is {x}, transA {node.attr('transA')}; expected rows of vectors (N, K)")
    _check(node, x, W)
    weights = {"W": alpha * W}
    if node.has(2) and isinstance(node.inputs[2], Tensor):
        raise node.refusal("its input 3 (C) is computed by the graph; expected a constant")
    if node.has(2):
        C = node.numbers(2, "C")
        if C.ndim > 2 or C.size not in (1, W.shape[1]) or (C.ndim == 2 and C.shape[0] != 1):
            raise node.refusal(f"its C has the shape {C.shape}; expected ({W.shape[1]},)")
        weights["b"] = beta * np.broadcast_to(C.reshape(-1), W.shape[1:])
    node.attr("broadcast")
    return Tensor(node.add(Dense(W.shape[1], bias="b" in weights), x.value, weights=weights))


def _check(node: Node, x: Tensor, W: np.ndarray) -> None:
    if W.ndim != 2 or W.shape[0] != x.row[-1] or min(W.shape) < 1:
        raise node.refusal(f"its matrix has the shape {W.shape}, which does not fit its input {x}")


@reads("MatMul", to=13, gives="dense, multi_head_attention")
def matmul(node: Node) -> Tensor | Attention:
    """With a constant matrix; the products of a self-attention as toOnnx writes it"""
    first, second = node.inputs[:2]
    if isinstance(first, Attention):
        return (
            output(node, first, node.numbers(1, "a matrix"))
            if isinstance(second, Const)
            else weighted(node, first, node.tensor(1))
        )
    k = next((k for k in (0, 1) if isinstance(node.inputs[k], Const)), None)
    if k is None:
        return scores(node, node.tensor(0), node.tensor(1))
    W, x = node.numbers(k, "a matrix"), node.tensor(1 - k)
    if W.ndim > 2 and max(W.shape[:-2]) == 1 and W.ndim <= x.rank:
        W = W.reshape(W.shape[-2:])
    if k == 0:
        return _from_left(node, x, W)
    if x.rows == x.rank - 1:
        raise node.refusal(f"the last axis of its input {x} is that of rows")
    _check(node, x, W)
    value = node.add(Dense(W.shape[1], bias=False), node.in_file_order(x), weights={"W": W})
    return replace(x, value=value)


def _from_left(node: Node, x: Tensor, W: np.ndarray) -> Tensor:
    """W x: along the last axis but one."""
    if x.rows >= x.rank - 2 or W.ndim != 2 or W.shape[1] != x.row[-2] or min(W.shape) < 1:
        raise node.refusal(f"its first input is a constant {W.shape}, which does not go with {x}")
    axes = len(x.row)
    swap = (*range(1, axes - 1), axes, axes - 1)
    turned = node.add(Permute(swap), node.in_file_order(x), suffix="turned")
    product = node.add(Dense(W.shape[0], bias=False), turned, weights={"W": W.T})
    return replace(x, value=node.add(Permute(swap), product, suffix="back"))
