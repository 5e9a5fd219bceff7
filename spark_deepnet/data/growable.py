"""Tables appended to arrays that grow in place, so that rows are never in memory twice."""

from __future__ import annotations

import sys
from math import prod
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, mmap

import numpy as np

from spark_deepnet.data.arrays import START_DTYPE, Part, arrays_of, none_of, part_like, parts_of, table_like
from spark_deepnet.data.table import Dense, Sparse, Table, as_sparse


class Growing:
    """An array that grows, in its own pages: the system moves them as it grows, and gets them back when it is freed.
    malloc's heap would keep the same amount again for later use."""

    def __init__(self, like: np.ndarray) -> None:
        self._pages = _pages(PAGESIZE)
        self.array = _array(self._pages, (0, *like.shape[1:]), like.dtype)

    def append(self, more: np.ndarray) -> None:
        n, dtype = len(self.array), self.array.dtype
        shape = (n + len(more), *self.array.shape[1:])
        del self.array  # pages with a view on them cannot be moved
        self._pages = _grown(self._pages, prod(shape) * dtype.itemsize)
        self.array = _array(self._pages, shape, dtype)
        self.array[n:] = more


def _array(pages: mmap, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(pages, np.uint8)[: prod(shape) * dtype.itemsize].view(dtype).reshape(shape)


def _pages(size: int) -> mmap:
    return mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)


def _grown(pages: mmap, size: int) -> mmap:
    """The pages with room for ``size`` bytes; copied if the system cannot move pages."""
    if size <= len(pages):
        return pages
    if sys.platform == "linux":
        pages.resize(size)
        return pages
    larger = _pages(size)
    larger.write(pages)
    return larger


class GrowingPart:
    """Features, targets or weights of all appended tables."""

    def __init__(self, like: Part) -> None:
        starts, arrays = arrays_of(like)
        self.like = none_of(like)
        self.arrays = [Growing(array) for array in arrays]
        self.starts = None if starts is None else Growing(np.empty(0, START_DTYPE))
        if self.starts is not None:
            self.starts.append(np.zeros(1, START_DTYPE))

    def append(self, part: Part) -> None:
        if isinstance(part, Dense) and isinstance(self.like, Sparse):
            part = as_sparse(part)
        elif isinstance(part, Sparse) and isinstance(self.like, Dense):
            self._become_sparse()
        starts, arrays = arrays_of(part)
        if starts is not None and self.starts is not None:
            self.starts.append(starts[1:] - starts[0] + self.starts.array[-1])
        for own, more in zip(self.arrays, arrays, strict=True):
            own.append(more)

    def _become_sparse(self) -> None:
        """Convert dense rows when the first sparse rows arrive."""
        whole = as_sparse(self.part())  # type: ignore[arg-type]
        self.__init__(whole)  # type: ignore[misc]
        self.append(whole)

    def part(self) -> Part:
        return part_like(self.like, None if self.starts is None else self.starts.array, [g.array for g in self.arrays])


class GrowingTable:
    """All appended rows, and the keys of their content."""

    def __init__(self, like: Table) -> None:
        self.like = like.picked(np.zeros(0, np.int64))
        self.parts = [GrowingPart(part) for part in parts_of(self.like)]
        self.keys = Growing(np.zeros(0, np.uint64))

    def append(self, table: Table, keys: np.ndarray) -> None:
        for own, part in zip(self.parts, parts_of(table), strict=True):
            own.append(part)
        self.keys.append(keys)

    def table(self) -> Table:
        """Call this once, after all tables are appended."""
        return table_like(self.like, [part.part() for part in self.parts])
