"""What a layer asks of a weight, and which part of it an array holds where the network is split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.layers._arrays import Shape


@dataclass(frozen=True)
class Part:
    """Which entries of a whole weight an array holds, by axis; None: all."""

    shape: Shape
    """Of the whole."""
    entries: tuple[np.ndarray | None, ...]

    @property
    def index(self) -> Any:
        """What picks the part from the whole."""
        return np.ix_(*(np.arange(n) if e is None else e for n, e in zip(self.shape, self.entries, strict=True)))


@dataclass(frozen=True)
class Weight:
    """A weight that a layer asks for: its shape, how it starts, and how it is treated in a step."""

    shape: Shape
    initializer: Initializer
    fan_in: int = 1
    fan_out: int = 1
    decays: bool = True
    """Whether regParam and the decay of adamw and lamb reach it: not so for biases."""
    trained: bool = True
    """False for what a layer keeps up by itself in forward, such as running statistics: no step touches it."""
    rate: float = 1.0
    """Factor of the learning rate. 0: nothing changes the weight, neither a step nor an average over replicas."""
    decay: float = 1.0
    """Factor of regParam and of the decay of adamw and lamb, where these reach it."""
    part: Part | None = None
    """Of a network that is cut: which part of the weight this is; the rest belongs to other blocks."""

    @property
    def moves(self) -> bool:
        """Whether steps change it."""
        return self.trained and self.rate > 0

    @property
    def fixed(self) -> bool:
        """Whether nothing changes it."""
        return self.rate == 0

    @property
    def decay_factor(self) -> float:
        """Factor of weight decay; 0: there is none."""
        return self.decay if self.decays else 0.0
