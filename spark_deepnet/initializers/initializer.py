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
