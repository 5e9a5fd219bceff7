"""Resize, Upsample, DepthToSpace, SpaceToDepth."""

from __future__ import annotations

from collections.abc import Sequence

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.up_sampling2d import UpSampling2D


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


@reads("Resize", to=19, since=10, gives="up_sampling2d")
def resize(node: Node) -> Tensor:
    """Nearest, by whole numbers, where each cell is repeated"""
    x, mode = node.tensor(), node.attr("mode")
    how = (node.attr("coordinate_transformation_mode", "asymmetric"), node.attr("nearest_mode", "floor"))
    repeats = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
    if mode != "nearest" or how not in repeats:
        raise node.refusal(
            f"mode {mode!r} with {how[0]}, {how[1]} is not supported; expected nearest, asymmetric, floor"
        )
    at = 2 if node.version >= 11 else 1
    if node.attr("axes") is not None:
        raise node.refusal("axes are not supported; expected a scale for every axis")
    if node.has(3):
        sizes = node.ints("sizes", 3) or []
        if len(sizes) != x.rank:
            raise node.refusal(f"its sizes {sizes} are not those of {x}")
        return _repeated(node, [1.0, *(size / own for size, own in zip(sizes[1:], x.row, strict=True))])
    return _repeated(node, node.numbers(at, "scales").tolist())


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
