"""Float32 arrays as chunks of bytes: how weights and state travel between tasks and driver and lie in Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        flat = np.ascontiguousarray(array, "<f4")
        for part in range(parts_of(array.shape)):
            data = cut_out(flat, part)
            yield Chunk(name, part, list(array.shape), data, checksum(data))


def arrays_of(chunks: Iterable[Chunk]) -> dict[str, np.ndarray]:
    """The arrays of these chunks, in any order; ValueError if a chunk does not fit, is missing or comes twice."""
    arrays: dict[str, np.ndarray] = {}
    missing: dict[str, set[int]] = {}
    for chunk in chunks:
        if chunk.name not in arrays:
            arrays[chunk.name] = np.zeros(chunk.shape, "<f4")
            missing[chunk.name] = set(range(parts_of(chunk.shape)))
        fill(arrays[chunk.name], chunk.part, chunk.data)
        if chunk.part not in missing[chunk.name]:
            raise ValueError(f"chunk {chunk.part} of {chunk.name!r} came twice")
        missing[chunk.name].remove(chunk.part)
    for name, parts in missing.items():
        if parts:
            raise ValueError(f"chunk {min(parts)} of {name!r} is missing")
    return arrays


def numbered(arrays: Sequence[np.ndarray]) -> list[tuple[np.ndarray, int]]:
    """The array and part of each chunk of several arrays, numbered from the first array to the last."""
    return [(array, part) for array in arrays if array.size for part in range(parts_of(array.shape))]


def cut_out(array: np.ndarray, part: int) -> bytes:
    """One chunk of a C-contiguous array."""
    return array.reshape(-1).view(np.uint8)[part * CHUNK_BYTES : (part + 1) * CHUNK_BYTES].tobytes()


def checksum(data: bytes) -> str:
    """The SHA-256 of a chunk, as Spark's ``sha2`` writes it."""
    return hashlib.sha256(data).hexdigest()


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
