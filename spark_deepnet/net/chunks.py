"""Named arrays in chunks with checksums: the form of weights that leave the ranks and are stored in Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import NamedTuple

import numpy as np

from spark_deepnet.errors import ModelFormatError

CHUNK_BYTES = 4 << 20
"""Bytes of an array in one chunk: Spark sends rows, and a row of 4 MiB suits both classic and Connect."""


class Chunk(NamedTuple):
    """Some bytes of one array."""

    name: str
    part: int
    """Number of the chunk: it holds the array's bytes from part x CHUNK_BYTES on."""
    shape: list[int]
    """Shape of the array."""
    data: bytes
    """Little-endian float32."""
    sha256: str


def chunks_of(arrays: Mapping[str, np.ndarray]) -> Iterator[Chunk]:
    """All arrays, chunk by chunk."""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8)
        for part, start in enumerate(range(0, max(1, raw.size), CHUNK_BYTES)):
            data = raw[start : start + CHUNK_BYTES].tobytes()
            yield Chunk(name, part, list(array.shape), data, hashlib.sha256(data).hexdigest())


def arrays_of(chunks: Iterable[Chunk]) -> dict[str, np.ndarray]:
    """The arrays of these chunks, in any order; ValueError if a chunk does not fit."""
    arrays: dict[str, np.ndarray] = {}
    for chunk in chunks:
        if chunk.name not in arrays:
            arrays[chunk.name] = np.zeros(chunk.shape, "<f4")
        fill(arrays[chunk.name], chunk.part, chunk.data)
    return arrays


def parts_of(shape: Iterable[int]) -> int:
    """The number of chunks of an array of this shape."""
    return max(1, -(-4 * prod(shape) // CHUNK_BYTES))


def bytes_of(shape: Iterable[int], part: int) -> int:
    """The number of bytes of a chunk of an array of this shape."""
    return max(0, min(CHUNK_BYTES, 4 * prod(shape) - part * CHUNK_BYTES))


def fill(array: np.ndarray, part: int, data: bytes) -> None:
    """Copy one chunk's bytes into its array; ValueError if they do not fit."""
    raw = np.frombuffer(data, np.uint8)
    if part < 0 or raw.size != bytes_of(array.shape, part):
        right = bytes_of(array.shape, part)
        raise ValueError(f"chunk {part} of an array {array.shape} has {raw.size} bytes, expected {right}")
    array.reshape(-1).view(np.uint8)[part * CHUNK_BYTES : (part + 1) * CHUNK_BYTES] = raw


def check_finite(arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Refuse saved weights that contain NaN or infinite numbers."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            raise ModelFormatError(f"{where}: {count} of the {array.size} numbers of {name!r} are NaN or infinite")
