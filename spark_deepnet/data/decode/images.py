"""Bytes as features: binary tensors, and images of Spark's image data source."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import MISFIT_MARK, Faults, count_misfits, count_null, count_widths
from spark_deepnet.data.decode.lists import NULL_LENGTH, lengths_of, numbers
from spark_deepnet.data.schema import Source
from spark_deepnet.layers.resizing import resize

CV_DEPTHS = 8
"""OpenCV's image type modulo this is the depth, the type of its numbers: 0 is bytes, CV_8U."""


def bytes_of(columns: list[pd.Series], source: Source, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """(n, width) uint8, and (n,) which rows are faulty and become zeros: binary tensors, one byte per number."""
    lengths = lengths_of(columns[0])
    count_null(source, faults, int((lengths == NULL_LENGTH).sum()))
    count_widths(lengths[(lengths != NULL_LENGTH) & (lengths != source.width)], source, faults)
    return _matrix(columns[0], lengths == source.width, source.width)


def images_of(columns: list[pd.Series], source: Source, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """The same for images, whose height, width (but where it resizes), channels and length of data must be the network's."""
    lengths, modes = lengths_of(columns[0]), numbers(columns[4])
    shapes = np.column_stack([numbers(column) for column in columns[1:4]])
    null = (lengths == NULL_LENGTH) | np.isnan(shapes).any(1) | np.isnan(modes)
    other = ~null & _of_other_shape(shapes, source)
    deep = ~null & ~other & ((modes < 0) | (modes % CV_DEPTHS != 0))
    short = ~null & ~other & ~deep & (lengths != shapes.prod(1))
    count_null(source, faults, int(null.sum()))
    for shape, first, count in zip(
        *np.unique(shapes[other], axis=0, return_index=True, return_counts=True), strict=True
    ):
        _count_size(tuple(map(int, shape)), columns[5][other].iloc[first], source, faults, int(count))
    wanted = (
        "one for each channel of each cell" if source.resized else f"images of {source.expected} have {source.width}"
    )
    count_misfits("a mode other than bytes (CV_8U: 0, 8, 16 or 24); convert them", source, faults, int(deep.sum()))
    count_misfits(f"a wrong number of bytes ({wanted}); write them again", source, faults, int(short.sum()))
    fits = ~(null | other | deep | short)
    if source.resized:
        matrix, faulty = _resized(columns[0], shapes, fits, source)
    else:
        matrix, faulty = _matrix(columns[0], fits, source.width)
    return _turned(matrix, source.shape[-1]) if source.rgb else matrix, faulty


def _of_other_shape(shapes: np.ndarray, source: Source) -> np.ndarray:
    """(n,) bool: the images that the network does not take."""
    if source.resized:
        return np.asarray((shapes[:, 2] != source.shape[2]) | (shapes[:, :2] < 1).any(1))
    return np.asarray((shapes != source.shape).any(1))


def _resized(blobs: pd.Series, shapes: np.ndarray, fits: np.ndarray, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Images of any size brought to the network's, in whole numbers."""
    matrix, image = np.zeros((len(blobs), source.width), np.uint8), np.empty((1, *source.shape), np.float32)
    for row, blob, shape, good in zip(matrix, blobs.to_numpy(), shapes, fits, strict=True):
        if not good:
            continue
        pixels = np.frombuffer(blob, np.uint8)
        size = tuple(map(int, shape))
        if size != source.shape:
            resize(pixels.reshape(1, *size).astype(np.float32), image)
            pixels = np.rint(image).astype(np.uint8).reshape(-1)
        row[:] = pixels
    return matrix, ~fits


def _count_size(shape: tuple[int, ...], file: str | None, source: Source, faults: Faults, count: int) -> None:
    """Count images of another size under the first one's file."""
    height, width, channels = source.shape
    same = shape[2] == channels and not source.resized
    remedy = (
        f"begin layers with Resizing({height}, {width}), which takes images of any size" if same else "convert them"
    )
    what = f"{MISFIT_MARK}shape {shape}"
    known = next((fault for fault in faults if what in fault), None)
    if known is not None:
        faults[known] += count
        return
    such = f", such as {file}" if file else ""
    count_misfits(f"shape {shape}{such}, but the first layer takes {source.expected}; {remedy}", source, faults, count)


def _turned(matrix: np.ndarray, channels: int) -> np.ndarray:
    """Blue, green, red as red, green, blue; a fourth channel, alpha, stays last."""
    pixels = matrix.reshape(-1, channels)
    if channels >= 3:
        pixels[:, [0, 2]] = pixels[:, [2, 0]]
    return matrix


def _matrix(blobs: pd.Series, fits: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.zeros((len(blobs), width), np.uint8)
    if fits.all() and len(blobs):
        matrix[...] = np.frombuffer(b"".join(blobs.to_numpy()), np.uint8).reshape(matrix.shape)
        return matrix, ~fits
    for row, blob, good in zip(matrix, blobs.to_numpy(), fits, strict=True):
        if good:
            row[:] = np.frombuffer(blob, np.uint8)
    return matrix, ~fits
