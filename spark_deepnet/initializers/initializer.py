"""The base of initializers: initial weights drawn by counter, so that a block can be drawn separately."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spark_deepnet.registry import Member

BUFFER_NUMBERS = 1 << 14
"""Numbers that are drawn at a time."""


@dataclass(frozen=True, repr=False)
class Initializer(Member, family="initializers"):
    """The base of all initializers."""

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        """Write the initial weights into out (any shape, C-contiguous); key: the random key of this weight."""
        raise NotImplementedError

    def fill_part(
        self,
        out: np.ndarray,
        shape: tuple[int, ...],
        entries: tuple[np.ndarray | None, ...],
        key: np.uint64,
        fan_in: int,
        fan_out: int,
    ) -> None:
        """Write into out the given entries of each axis (None: all) of the whole array, which has the given shape."""
        whole = np.empty(shape, out.dtype)
        self.fill(whole, key, fan_in, fan_out)
        out[...] = whole[np.ix_(*_named(shape, entries))]


class Counted(Initializer):
    """Initializers whose numbers depend only on their place in the whole array, so that a part is drawn without the
    whole."""

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        """Write the numbers from place ``start`` on into out, flat; the last axis runs fastest."""
        raise NotImplementedError

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        flat = out.reshape(-1)
        for start in range(0, flat.size, BUFFER_NUMBERS):
            self.numbers(start, flat[start : start + BUFFER_NUMBERS], key, fan_in, fan_out)

    def fill_part(
        self,
        out: np.ndarray,
        shape: tuple[int, ...],
        entries: tuple[np.ndarray | None, ...],
        key: np.uint64,
        fan_in: int,
        fan_out: int,
    ) -> None:
        """Draw whole lines of the last axis, as many as are consecutive, into a small buffer, and take the part's
        columns from it."""
        *leading, columns = _named(shape, entries)
        width, parts = shape[-1], out.reshape(-1, len(columns))
        lines = np.ravel_multi_index(np.ix_(*leading), shape[:-1]).reshape(-1) if leading else np.zeros(1, int)
        few = max(1, BUFFER_NUMBERS // width)
        buffer = np.empty((min(few, len(lines)), width), out.dtype)
        for a, b in _stretches(lines, few):
            self.numbers(int(lines[a]) * width, buffer[: b - a].reshape(-1), key, fan_in, fan_out)
            parts[a:b] = buffer[: b - a, columns]


def _named(shape: tuple[int, ...], entries: tuple[np.ndarray | None, ...]) -> list[np.ndarray]:
    """The entries of each axis."""
    return [np.arange(n) if e is None else e for n, e in zip(shape, entries, strict=True)]


def _stretches(lines: np.ndarray, longest: int) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of runs of consecutive lines, at most ``longest`` lines each."""
    breaks = np.flatnonzero(np.diff(lines) != 1) + 1
    for start, stop in pairwise([0, *breaks.tolist(), len(lines)]):
        for a in range(start, stop, longest):
            yield a, min(a + longest, stop)
