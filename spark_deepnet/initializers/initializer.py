"""What an initializer is: a law for a weight's first numbers, by counter, so that a block can be filled alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Initializer(Member, family="initializers"):
    """The base of all initializers."""

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        """Write the first numbers into out (any shape, C-contiguous); key: that of this weight."""
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
        """Write into out what the whole, of the shape given, has in these entries of each axis (None: in all). Made of
        the whole line by line, where the numbers go by counter, so that no more than a part is ever held."""
        whole = np.empty(shape, out.dtype)
        self.fill(whole, key, fan_in, fan_out)
        out[...] = whole[np.ix_(*(np.arange(n) if e is None else e for n, e in zip(shape, entries, strict=True)))]
