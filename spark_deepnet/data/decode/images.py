"""Bytes as features: binary tensors, and images of Spark's image data source."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import Faults, count_misfits, count_null, count_shape, count_widths
from spark_deepnet.data.decode.lists import NULL_LENGTH, lengths_of, numbers
from spark_deepnet.data.schema import Source

CV_DEPTHS = 8
"""OpenCV's image type modulo this is the depth, the type of its numbers: 0 is bytes, CV_8U."""


def bytes_of(columns: list[pd.Series], source: Source, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """(n, width) uint8, and (n,) which rows are faulty and become zeros: binary tensors, one byte per number."""
    lengths = lengths_of(columns[0])
    count_null(source, faults, int((lengths == NULL_LENGTH).sum()))
    count_widths(lengths[(lengths != NULL_LENGTH) & (lengths != source.width)], source, faults)
    return _matrix(columns[0], lengths == source.width, source.width)


def images_of(columns: list[pd.Series], source: Source, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    """The same for images: height, width, channels and length of data must be the network's."""
    lengths, modes = lengths_of(columns[0]), numbers(columns[4])
    shapes = np.column_stack([numbers(column) for column in columns[1:4]])
    null = (lengths == NULL_LENGTH) | np.isnan(shapes).any(1) | np.isnan(modes)
    other = ~null & (shapes != source.shape).any(1)
    deep = ~null & ~other & ((modes < 0) | (modes % CV_DEPTHS != 0))
    short = ~null & ~other & ~deep & (lengths != source.width)
    count_null(source, faults, int(null.sum()))
    for shape, count in zip(*np.unique(shapes[other], axis=0, return_counts=True), strict=True):
        count_shape(f"shape {tuple(map(int, shape))}", source.expected, source, faults, int(count))
    wanted = f"images of {source.expected} have {source.width}"
    count_misfits("a mode other than bytes (CV_8U: 0, 8, 16 or 24); convert them", source, faults, int(deep.sum()))
    count_misfits(f"a wrong number of bytes ({wanted}); write them again", source, faults, int(short.sum()))
    matrix, faulty = _matrix(columns[0], ~(null | other | deep | short), source.width)
    return _turned(matrix, source.shape[-1]) if source.rgb else matrix, faulty


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
