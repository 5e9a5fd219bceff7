"""A caffemodel's arrays as the weights of the network, by layer name and shape."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.caffe.step import Blobs
from spark_deepnet.formats.rewrites import Rewritten
from spark_deepnet.layers.layer import Arrays, Shape

MAX_LISTED = 20


def weights_of(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Sequence[np.ndarray]],
    blobs: Sequence[Blobs],
    unused: Collection[str],
    rewritten: Rewritten,
    skip: Collection[str],
) -> dict[str, np.ndarray]:
    """ "layer/weight" -> array. unused: layers of the net that are not needed; those in ``skip`` keep their own weights.
    FormatError with all layers of either side that have no match."""
    wanted = [blob for blob in blobs if blob.layer not in skip]
    _check_skip(path, {blob.layer for blob in blobs} | set(arrays) | set(unused), skip)
    faults = [fault for blob in wanted for fault in _faults(blob, arrays.get(blob.layer))]
    known = {blob.layer for blob in blobs} | set(unused) | set(skip)
    faults += [f"{name!r} is in the file alone" for name in arrays if name not in known]
    if faults:
        more = f"; and {len(faults) - MAX_LISTED} more" if len(faults) > MAX_LISTED else ""
        raise FormatError(
            f"{path}: the weights are not those of the net: {'; '.join(faults[:MAX_LISTED])}{more}; skip= leaves layers out"
        )
    named: dict[str, np.ndarray] = {}
    for blob in wanted:
        named.update(named_weights(blob, arrays[blob.layer], rewritten))
    return named


def named_weights(blob: Blobs, arrays: Sequence[np.ndarray], rewritten: Rewritten) -> dict[str, np.ndarray]:
    """A layer's weights by full name, in this package's order of axes."""
    shaped = [array.reshape(shape) for array, shape in zip(arrays, blob.shapes, strict=True)]
    own: Arrays = blob.convert(shaped)
    if blob.node in rewritten.rows:
        own["W"] = rewritten.reordered(blob.node, own["W"])
    names = {key: key if "/" in key else f"{blob.node}/{key}" for key in own}
    return {names[key]: np.ascontiguousarray(array, np.float32) for key, array in own.items()}


def same_shape(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether shapes are the same but for axes of 1 in front, which old files have."""
    return _stripped(a) == _stripped(b)


def _stripped(shape: Sequence[int]) -> Shape:
    sizes = list(shape)
    while sizes and sizes[0] == 1:
        sizes.pop(0)
    return tuple(sizes)


def _faults(blob: Blobs, arrays: Sequence[np.ndarray] | None) -> Iterable[str]:
    """What does not match, in words."""
    if arrays is None:
        yield f"{blob.layer!r} ({blob.type}) needs {_shown(blob.shapes)}, the file has none"
    elif len(arrays) != len(blob.shapes) or not all(map(same_shape, [a.shape for a in arrays], blob.shapes)):
        own = _shown([array.shape for array in arrays])
        yield f"{blob.layer!r} ({blob.type}) needs {_shown(blob.shapes)}, the file has {own}"


def _shown(shapes: Iterable[Sequence[int]]) -> str:
    return " and ".join(str(tuple(shape)) for shape in shapes)


def _check_skip(path: object, known: Collection[str], skip: Collection[str]) -> None:
    for name in skip:
        if name not in known:
            raise FormatError(f"{path}: skip: neither the net nor the file has a layer {name!r}; {near(name, known)}")
