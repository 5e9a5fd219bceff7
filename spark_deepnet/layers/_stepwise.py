"""Layers that work on each step of a sequence by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.layers._contract import Layer
from spark_deepnet.layers._masking import Masking


class StepwiseLayer(Layer):
    """The base of layers that give one step for each of theirs, for which zeros behind a row's last step change nothing
    before it."""

    def mixed_axes(self) -> int:
        """How many of the last axes it mixes; where the steps are among them, they are features."""
        return 0

    def masking(self, x: Any) -> Masking:
        axes = len(x[0] if self.multi_input else x)
        return Masking.ZEROS if self.mixed_axes() < axes else Masking.FULL_LENGTH

    def lengths(self, x: Any, lengths: np.ndarray) -> np.ndarray | None:
        return lengths if self.masking(x) is Masking.ZEROS else None
