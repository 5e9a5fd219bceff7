"""HDF5 files as groups and arrays, of which nothing is read outside the file and no more than it has bytes for."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.groups import StoredArray
from spark_deepnet.formats.keras.texts import check_texts

MAX_DEPTH = 32
MAX_OBJECTS = 100_000
MAX_AXES = 8
MAX_RATIO = 1100
"""Numbers of bytes that a compressed byte may become: deflate's limit is 1032."""
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}


class Hdf5:
    """An open file. ``path`` is for messages."""

    def __init__(self, path: str, file: Any) -> None:
        self.path, self.file = path, file
        self.seen: set[int] = set()

    def members(self, group: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
        """The names and objects of a group, which must be in it: links to elsewhere are refused."""
        if depth > MAX_DEPTH:
            raise FormatError(f"{self.path}: groups are nested deeper than {MAX_DEPTH}, at {group.name!r}")
        for name in group:
            member = self.member(group, name)
            self._count(member)
            yield name, member

    def member(self, group: Any, name: str) -> Any:
        """A member of a group by its name; KeyError if there is none."""
        import h5py

        if not isinstance(group, h5py.Group):
            raise FormatError(f"{self.path}: {group.name!r} is an array, expected a group with {name!r}")
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            target = getattr(link, "filename", "") or getattr(link, "path", "")
            raise FormatError(
                f"{self.path}: {group.name.rstrip('/')}/{name} is a link to {target!r}; links are not followed"
            )
        return group[name]

    def _count(self, member: Any) -> None:
        import h5py

        address = h5py.h5o.get_info(member.id).addr
        if address in self.seen or len(self.seen) >= MAX_OBJECTS:
            why = "it is in the file twice" if address in self.seen else f"the file has more than {MAX_OBJECTS} objects"
            raise FormatError(f"{self.path}: {member.name!r} cannot be read: {why}")
        self.seen.add(address)

    def array(self, dataset: Any) -> StoredArray:
        """A dataset of numbers, whose storage is checked when it is read."""
        shape = getattr(dataset, "shape", None)
        if shape is None or len(shape) > MAX_AXES:
            raise FormatError(f"{self.path}: {dataset.name!r} has the shape {shape}, expected at most {MAX_AXES} axes")
        return StoredArray(tuple(map(int, shape)), partial(self._read, dataset))

    def _read(self, dataset: Any) -> np.ndarray:
        with hdf5_errors(self.path):
            self._check(dataset)
            bfloat = dataset.attrs.get("dtype") in ("bfloat16", b"bfloat16")
            kind = dataset.dtype.kind
            if bfloat and dataset.dtype.itemsize == 2:
                return from_bfloat16(dataset[()].view(np.uint16))
            if kind not in "fiu" or dataset.dtype.itemsize > 8:
                raise FormatError(
                    f"{self.path}: {dataset.name!r} has numbers of the type {dataset.dtype}, expected floats"
                )
            return np.asarray(dataset[()], np.float32)

    def _check(self, dataset: Any) -> None:
        """Refuse data that are elsewhere, filters that are not known, and shapes for which there are no bytes."""
        plist = dataset.id.get_create_plist()
        filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
        unknown = [code for code in filters if code not in FILTERS]
        if unknown:
            raise FormatError(
                f"{self.path}: {dataset.name!r} is written by the HDF5 filter {unknown[0]}; read are "
                f"{', '.join(FILTERS.values())}"
            )
        if dataset.external or dataset.is_virtual:
            raise FormatError(f"{self.path}: the numbers of {dataset.name!r} are in another file, which is not opened")
        needed, stored = prod(dataset.shape) * dataset.dtype.itemsize, dataset.id.get_storage_size()
        if needed > stored * (MAX_RATIO if filters else 1):
            raise FormatError(
                f"{self.path}: {dataset.name!r} of {dataset.shape} needs {needed} bytes, the file has {stored} of it"
            )


def from_bfloat16(numbers: np.ndarray) -> np.ndarray:
    """bfloat16 is the upper half of float32."""
    return (numbers.astype(np.uint32) << 16).view(np.float32)


@contextmanager
def opened(path: str, content: bytes | None) -> Iterator[Hdf5]:
    """The HDF5 file at the path, or these bytes of it."""
    try:
        import h5py
    except ImportError:
        raise FormatError(
            'Keras files are read with the package h5py, which is not installed: pip install "spark_deepnet[keras]"'
        ) from None
    with hdf5_errors(path):
        check_texts(path, content)
        file = h5py.File(path if content is None else io.BytesIO(content), "r")
    try:
        yield Hdf5(os.fspath(path), file)
    finally:
        with hdf5_errors(path):
            file.close()


@contextmanager
def hdf5_errors(path: str) -> Iterator[None]:
    """What h5py raises over damaged files, as a FormatError."""
    try:
        yield
    except FormatError:
        raise
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        OverflowError,
        AttributeError,
        MemoryError,
    ) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(f"{path}: the HDF5 file is damaged, or was cut off: {text}") from None
