"""Windows over images and sequences: their padding as the operators have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.layers._windows import Sides, along


@dataclass(frozen=True)
class Axis:
    """Windows along one axis of a row."""

    size: int
    window: int
    stride: int
    dilation: int
    padding: Any
    """ "same" or (before, after)."""
    ceil: bool = False

    def place(self, size: int | None = None) -> tuple[int, int, int]:
        """(windows, padding before, padding after) of an axis of this size, or of its own."""
        size = self.size if size is None else size
        count, before, after = along(size, self.window, self.stride, self.padding, self.dilation, self.ceil)
        return count, before, after

    @property
    def pads(self) -> Sides:
        """As much padding as the windows reach into: what lies behind the last one is left out."""
        count, before, _ = self.place()
        return before, max(0, self.span(count) - self.size - before)

    def span(self, count: int) -> int:
        """The cells under this number of windows."""
        return (count - 1) * self.stride + self.dilation * (self.window - 1) + 1


def pads(axes: Sequence[Axis]) -> list[int]:
    """The attribute pads: all before, then all after."""
    return [axis.pads[0] for axis in axes] + [axis.pads[1] for axis in axes]


def options(axes: Sequence[Axis]) -> dict[str, list[int]]:
    """The attributes of an operator over windows, without dilations."""
    return {
        "kernel_shape": [axis.window for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": pads(axes),
    }


def aligned(step: Step, rows: Rows, down: Axis, fill: Any = np.float32(0)) -> tuple[str, Axis]:
    """(the tensor with the channels in front, the windows along a row's first axis without padding): each row is moved so
    that its windows begin where they do when it is alone."""
    count = step.node.shape[0]
    span = down.span(count)
    starts = [-down.place(length)[1] if length else 0 for length in range(rows.steps + 1)]
    moved = rows.shifted(step.held(), len(step.x), starts, span, fill)
    value = step.of_shape(moved, (span, *step.x[1:]))
    return value.first(), Axis(span, down.window, down.stride, down.dilation, (0, 0))
