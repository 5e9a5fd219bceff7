"""A file of arrays that is invisible to others and disappears with the process, however that ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_IO_BYTES = 1 << 30
"""Maximum bytes of one read or write; Linux allows at most 2 GiB."""


class File:
    """A file without a name if the system allows it: its disk space is freed when it is closed, even by SIGKILL."""

    def __init__(self, folder: str) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="spark_deepnet-", buffering=0)  # noqa: SIM115
        self.number = self._file.fileno()
        self.size = 0

    def room(self, count: int, dtype: np.dtype, shape: Sequence[int]) -> Stored:
        """Reserve an array of ``count`` entries of the shape, after the others."""
        stored = Stored(self, self.size, dtype, tuple(shape))
        self.size += count * stored.each
        return stored

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Stored:
    """An array in a file."""

    file: File
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    """Shape of an entry."""

    @property
    def each(self) -> int:
        """Bytes of an entry."""
        return self.dtype.itemsize * int(np.prod(self.shape))

    def write(self, start: int, array: np.ndarray) -> None:
        """Write entries from ``start`` on. Raises OSError, for example if the disk is full."""
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        place, done = self.offset + start * self.each, 0
        while done < len(raw):
            done += os.pwrite(self.file.number, raw[done : done + MAX_IO_BYTES], place + done)

    def read(self, start: int, stop: int) -> np.ndarray:
        array = np.empty((stop - start, *self.shape), self.dtype)
        raw = array.reshape(-1).view(np.uint8).data
        place, done = self.offset + start * self.each, 0
        while done < len(raw):
            count = os.preadv(self.file.number, [raw[done : done + MAX_IO_BYTES]], place + done)
            if count == 0:
                raise OSError(f"rows: the spilled file ends {len(raw) - done} bytes too early")
            done += count
        return array

    def expect(self, start: int, stop: int) -> None:
        """Let the system read these entries ahead."""
        if hasattr(os, "posix_fadvise") and stop > start:
            place = self.offset + start * self.each
            os.posix_fadvise(self.file.number, place, (stop - start) * self.each, os.POSIX_FADV_WILLNEED)
