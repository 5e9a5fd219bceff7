"""The lengths of an HDF5 file's texts, which the library believes: it makes room for them before it looks for them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from math import prod
from struct import unpack_from

import numpy as np

from spark_deepnet.errors import FormatError

ATTRIBUTES = (b"layer_names", b"weight_names", b"model_config", b"name\0", b"dtype\0")
"""Those that are read. A name ends with a zero, or with a number and a zero."""
HEADERS = ((1, 8, 8), (2, 8, 1), (3, 9, 1))
"""Version of an attribute's message -> the bytes before its name, and what its parts are padded to."""
VARIABLE_LENGTH = 9
"""Class of types; a value is its length (4 bytes), the address of its heap (8) and its number in it (4)."""
VALUE_BYTES = 16


def check_texts(path: str, content: bytes | None) -> None:
    """FormatError if an attribute of the file, or of these bytes of it, has a text that is longer than the file."""
    if content is not None:
        _check(path, content)
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        _check(path, mapped)


def _check(path: str, data: bytes | mmap.mmap) -> None:
    for name in ATTRIBUTES:
        at = data.find(name)
        while at >= 0:
            longest = max(_lengths(data, at), default=0)
            if longest > len(data):
                text = name.decode().rstrip("\0")
                raise FormatError(
                    f"{path}: the HDF5 file is damaged: attribute {text!r} has a text of {longest} bytes, of {len(data)}"
                )
            at = data.find(name, at + 1)


def _lengths(data: bytes | mmap.mmap, at: int) -> Iterator[int]:
    """The lengths of the texts of an attribute whose name is here; none if it is no attribute, or has no such texts."""
    for version, header, pad in HEADERS:
        if at < header or data[at - header] != version:
            continue
        sizes = unpack_from("<HHH", data, at - header + 2)
        kind, space, values = np.cumsum([at, *(-(-size // pad) * pad for size in sizes)])[1:].tolist()[:3]
        if values + VALUE_BYTES > len(data) or data[kind] & 15 != VARIABLE_LENGTH:
            continue
        rank, first = data[space + 1], space + (8 if data[space] == 1 else 4)
        known = rank <= 1 and first + 8 * rank <= len(data)
        count = prod(unpack_from(f"<{rank}Q", data, first)) if known else 0
        end = values + VALUE_BYTES * min(count, (len(data) - values) // VALUE_BYTES)
        yield from np.frombuffer(data[values:end], "<u4")[::4].tolist()
