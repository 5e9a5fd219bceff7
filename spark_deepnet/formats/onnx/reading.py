"""What is collected while a graph is read: layers, weights, and values in two orders of axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from spark_deepnet.formats.axes import TO_FOREIGN, TO_HELD, Assembly, Value
from spark_deepnet.formats.onnx.sequences import Sequences
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.permute import Permute

Weights = Mapping[str, np.ndarray]


@dataclass
class Reading:
    """The network so far."""

    batch: int | None = None
    """The number of rows that the file's inputs are for."""
    assembly: Assembly = field(default_factory=Assembly)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    sequences: Sequences = field(default_factory=Sequences)
    sums: dict[str, tuple[Tensor, str, int]] = field(default_factory=dict)
    """A sum over steps -> the mean, the value that is summed, and the cells of a step."""
    converted: dict[tuple[str, bool], Value] = field(default_factory=dict)
    """A node, and whether in the file's order -> the node with that order."""

    def add(self, name: str, layer: Layer, weights: Weights, *values: Value) -> Value:
        """The value of a layer over what is held of values."""
        value = self.assembly.add(name, layer, *values)
        own = {f"{value.node}/{key}": np.ascontiguousarray(array, np.float32) for key, array in weights.items()}
        self.weights.update(own)
        return value

    def in_file_order(self, value: Value) -> Value:
        """The value, held with the file's order of axes."""
        if value.steps_first:
            return value
        if len(value.shape) not in TO_FOREIGN:
            return replace(value, steps_first=True)
        return self._permuted(value, True)

    def channels_last(self, value: Value) -> Value:
        """The value, held as images and sequences are here."""
        if not value.steps_first:
            return value
        if len(value.shape) not in TO_HELD:
            return replace(value, steps_first=False)
        return self._permuted(value, False)

    def _permuted(self, value: Value, file_order: bool) -> Value:
        key = value.node, file_order
        if key not in self.converted:
            order = (TO_FOREIGN if file_order else TO_HELD)[len(value.shape)]
            suffix = "foreign" if file_order else "held"
            self.assembly.add(f"{value.node}.{suffix}", Permute(order), value)
            self.converted[key] = Value(self.assembly.last, value.shape, steps_first=file_order)
        return self.converted[key]
