"""Where an HDF5 file says that the texts of its attributes are, which the library believes: it makes room for a text before
it looks for it, and goes on for ever in a heap whose pieces have the size 0."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from math import prod
from struct import unpack_from

from spark_deepnet.errors import FormatError

ATTRIBUTES = (b"layer_names", b"weight_names", b"model_config", b"name\0", b"dtype\0")
"""Those that are read. A name ends with a zero, or with a number and a zero."""
HEADERS = ((1, 8, 8), (2, 8, 1), (3, 9, 1))
"""Version of an attribute's message -> the bytes before its name, and what its parts are padded to."""
VARIABLE_LENGTH = 9
"""Class of types; a value is its length (4 bytes), the address of its heap (8) and its number in it (4)."""
VALUE_BYTES = 16
HEAP, PIECE_BYTES = b"GCOL", 16
"""What a heap begins with, in 16 bytes, and the bytes before each of its pieces."""
Bytes = bytes | mmap.mmap


def check_texts(path: str, content: bytes | None) -> None:
    """FormatError if texts of the file's attributes, or of these bytes of it, cannot be where they are said to be."""
    if content is not None:
        _check(path, content)
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        _check(path, mapped)


def _check(path: str, data: Bytes) -> None:
    heaps: set[int] = set()
    for name in ATTRIBUTES:
        at = data.find(name)
        while at >= 0:
            for length, heap in _texts(data, at):
                text = name.decode().rstrip("\0")
                if length > len(data):
                    why = f"has a text of {length} bytes, of {len(data)}"
                    raise FormatError(f"{path}: the HDF5 file is damaged: attribute {text!r} {why}")
                if heap not in heaps and _is_broken(data, heap):
                    raise FormatError(f"{path}: the HDF5 file is damaged: the texts of attribute {text!r} overlap")
                heaps.add(heap)
            at = data.find(name, at + 1)


def _texts(data: Bytes, at: int) -> Iterator[tuple[int, int]]:
    """The length and the heap's address of each text of an attribute whose name is here; none if it is no attribute, or
    has no such texts."""
    for version, header, pad in HEADERS:
        if at < header or data[at - header] != version:
            continue
        kind, space, values = _parts(data, at, header, pad)
        if values + VALUE_BYTES > len(data) or data[kind] & 15 != VARIABLE_LENGTH:
            continue
        rank, first = data[space + 1], space + (8 if data[space] == 1 else 4)
        known = rank <= 1 and first + 8 * rank <= len(data)
        count = prod(unpack_from(f"<{rank}Q", data, first)) if known else 0
        for k in range(min(count, (len(data) - values) // VALUE_BYTES)):
            yield unpack_from("<IQ", data, values + VALUE_BYTES * k)


def _parts(data: Bytes, at: int, header: int, pad: int) -> list[int]:
    """Where an attribute's type, space and values begin."""
    begins = [at]
    for size in unpack_from("<HHH", data, at - header + 2):
        begins.append(begins[-1] + -(-size // pad) * pad)
    return begins[1:]


def _is_broken(data: Bytes, heap: int) -> bool:
    """Whether the pieces of a heap do not follow one another up to its end. What is no heap the library refuses."""
    if heap + PIECE_BYTES > len(data) or data[heap : heap + 4] != HEAP:
        return False
    end = heap + unpack_from("<Q", data, heap + 8)[0]
    piece = heap + PIECE_BYTES
    while piece + PIECE_BYTES <= min(end, len(data)):
        number, size = unpack_from("<H6xQ", data, piece)
        step = PIECE_BYTES + -(-size // 8) * 8 if number else size
        if step < PIECE_BYTES or piece + step > end:
            return True
        piece += step
    return end > len(data)
