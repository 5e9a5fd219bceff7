"""Resize, Upsample, DepthToSpace, SpaceToDepth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import ROWS, Const, Tensor
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.layers.up_sampling2d import UpSampling2D

WHOLE = 1e-3
"""How far a size may be from a whole number, because scales are rounded to float32."""


def _repeated(node: Node, scales: Sequence[float]) -> Tensor:
    """Every cell of images repeated as often as the scales say."""
    x = node.tensor()
    if len(x.row) != 2 + 1 or len(scales) != 4 or tuple(scales[:2]) != (1, 1):
        raise node.refusal(
            f"its scales {list(scales)} are for {x}; expected those of images (N, C, H, W), 1 for N and C"
        )
    own = [int(scale) for scale in scales[2:]]
    if min(own) < 1 or own != list(scales[2:]):
        raise node.refusal(f"its scales {list(scales)} are not whole numbers, in which each cell is repeated")
    return Tensor(node.add(UpSampling2D(tuple(own)), node.channels_last(x)))


@reads("Upsample", to=9, since=7, gives="up_sampling2d")
def upsample(node: Node) -> Tensor:
    """Nearest, by whole numbers"""
    scales = node.numbers(1, "scales").tolist() if node.version >= 9 else node.attr("scales")
    if node.attr("mode") != "nearest":
        raise node.refusal(f"mode {node.attr('mode')!r} is not supported; expected nearest")
    return _repeated(node, scales)


@reads("Resize", to=19, since=10, gives="up_sampling2d, resizing")
def resize(node: Node) -> Tensor:
    """Nearest, by whole numbers, where each cell is repeated; linear with half_pixel, without antialias"""
    mode, rule = node.attr("mode"), node.attr("coordinate_transformation_mode", "asymmetric")
    how = (rule, node.attr("nearest_mode", "floor"))
    repeats = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
    linear = mode == "linear" and rule in ("half_pixel", "pytorch_half_pixel") and not node.attr("antialias")
    if not linear and (mode != "nearest" or how not in repeats):
        raise node.refusal(
            f"mode {mode!r} with {how[0]}, {how[1]} is not supported; expected nearest, asymmetric, floor, or linear, "
            f"half_pixel"
        )
    if node.attr("axes") is not None:
        raise node.refusal("axes are not supported; expected a scale for every axis")
    return _between(node, _scales(node)) if linear else _repeated(node, _scales(node))


def _scales(node: Node) -> list[float]:
    """Of each axis, from the scales or the sizes."""
    x = node.tensor()
    if not node.has(3):
        return node.numbers(2 if node.version >= 11 else 1, "scales").tolist()
    given = node.inputs[3]
    if isinstance(given, Const) and _keeps_rows(given):
        sizes = given.array.tolist()
    else:
        sizes = node.ints("sizes", 3) or []
    if len(sizes) != x.rank:
        raise node.refusal(f"its sizes {sizes} are not those of {x}")
    return [1.0, *(size / own for size, own in zip(sizes[1:], x.row, strict=True))]


def _keeps_rows(sizes: Const) -> bool:
    """Whether the first size is the number of rows, and the others do not depend on it."""
    a, b = sizes.array, sizes.other
    return a.shape == b.shape and a.size > 1 and (int(a[0]), int(b[0])) == ROWS and np.array_equal(a[1:], b[1:])


def _between(node: Node, scales: Sequence[float]) -> Tensor:
    """Images of another size, by linear interpolation."""
    x = node.tensor()
    if len(x.row) != 2 + 1 or len(scales) != 4 or tuple(scales[:2]) != (1, 1):
        raise node.refusal(
            f"its scales {list(scales)} are for {x}; expected those of images (N, C, H, W), 1 for N and C"
        )
    sizes = [scale * own for scale, own in zip(scales[2:], x.row[1:], strict=True)]
    height, width = map(round, sizes)
    if min(height, width) < 1 or max(abs(height - sizes[0]), abs(width - sizes[1])) > WHOLE:
        raise node.refusal(f"its scales {list(scales)} do not make whole sizes of {x}")
    if node.attr("coordinate_transformation_mode") == "pytorch_half_pixel" and min(height, width) == 1:
        raise node.refusal("pytorch_half_pixel takes the first of the cells for a size of 1; expected half_pixel")
    return Tensor(node.add(Resizing(height, width), node.channels_last(x)))


def _block(node: Node) -> tuple[Tensor, int]:
    x, block = node.tensor(), int(node.attr("blocksize") or 0)
    if len(x.row) != 2 + 1 or x.rows or block < 1:
        raise node.refusal(f"its input is {x}, blocksize {block}; expected images (N, C, H, W) and at least 1")
    return x, block


@reads("DepthToSpace", to=28, gives="reshape, permute")
def depth_to_space(node: Node) -> Tensor:
    """DCR and CRD"""
    x, b = _block(node)
    c, h, w = x.row
    if c % (b * b):
        raise node.refusal(f"{c} channels are not a multiple of {b} x {b}")
    crd = node.attr("mode", "DCR") == "CRD"
    parts = (c // (b * b), b, b, h, w) if crd else (b, b, c // (b * b), h, w)
    order = (1, 4, 2, 5, 3) if crd else (3, 4, 1, 5, 2)
    return _moved(node, x, parts, order, (c // (b * b), h * b, w * b))


@reads("SpaceToDepth", to=28, gives="reshape, permute")
def space_to_depth(node: Node) -> Tensor:
    """Blocks of places become channels"""
    x, b = _block(node)
    c, h, w = x.row
    if h % b or w % b:
        raise node.refusal(f"an image of {h} x {w} has no blocks of {b} x {b}")
    return _moved(node, x, (c, h // b, b, w // b, b), (3, 5, 1, 2, 4), (c * b * b, h // b, w // b))


def _moved(node: Node, x: Tensor, parts: Sequence[int], order: Sequence[int], row: Sequence[int]) -> Tensor:
    split = node.add(Reshape(tuple(parts)), node.in_file_order(x), suffix="parts")
    turned = node.add(Permute(tuple(order)), split, suffix="turned")
    return Tensor(node.add(Reshape(tuple(row)), turned))
