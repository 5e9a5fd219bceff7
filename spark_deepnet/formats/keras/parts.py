"""Layers of Keras that are two here, and those that there are none for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from spark_deepnet.formats.groups import Group
from spark_deepnet.layers.layer import Shape


def parts_of(group: Group) -> Iterator[Group]:
    """The group; of a separable convolution its depthwise and its pointwise kernel, which are two layers here."""
    shapes = [group.arrays[key].shape for key in sorted(group.arrays, key=int)]
    if not _is_separable(shapes):
        yield replace(group, note=group.note or _note(shapes))
        return
    arrays = list(group.arrays.values())
    parts = {"depthwise": arrays[:1], "pointwise": arrays[1:]}
    for name, own in parts.items():
        numbered = {str(k): array for k, array in enumerate(own)}
        path = f"{group.path}/{name}" if group.path else ""
        yield replace(group, name=f"{group.name}/{name}", path=path, arrays=numbered)


def _is_separable(shapes: list[Shape]) -> bool:
    """(..., channels, multiplier), (1, ..., channels * multiplier, filters), and perhaps (filters,)."""
    if len(shapes) not in (2, 3) or not len(shapes[0]) == len(shapes[1]) >= 3:
        return False
    first, second = shapes[:2]
    return prod(second[:-2]) == 1 and second[-2] == first[-2] * first[-1] and shapes[2:] in ([], [second[-1:]])


def _note(shapes: list[Shape]) -> str:
    """Why no layer takes recurrent weights of these shapes."""
    if len(shapes) != 3 or [len(shape) for shape in shapes] != [2, 2, 1]:
        return ""
    (_, wide), (units, again), (bias,) = shapes
    if wide != again or units == 0:
        return ""
    if (wide, bias) in ((4 * units, 8 * units), (3 * units, 6 * units)):
        return "a layout of CuDNN; build the model with LSTM or GRU in Keras, load the file there, and save it again"
    if wide == bias == 3 * units:
        return "a GRU with reset_after=False; here the reset gate comes after the product"
    return ""
