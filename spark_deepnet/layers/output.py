"""Output: marks scores as an output of a network that has several, each with a loss and a label column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.layers.layer import Arrays, Call, StepwiseLayer


@dataclass(frozen=True, repr=False)
class Output(StepwiseLayer, kind="output"):
    """y = x, the scores (or their link) that a loss sees. No layer reads it: one behind it in the list reads what it
    marks. The network's loss is the sum of weight * loss over its outputs.

    loss: its name, object or JSON; None: the Param loss, whose "auto" goes by the layer that is marked.
    column: the label column; None: labelCol.
    weight: of its loss in the sum, 0 or more.
    name: how measures and prediction columns are called; None: as the layer that is marked.
    """

    loss: Any = None
    column: str | None = None
    weight: float = 1.0
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "weight")
        told = self.loss is None or isinstance(self.loss, str | dict)
        if not told and getattr(self.loss, "family", None) != "losses":
            raise ParamError(f"Output: loss must be a loss, its name or its JSON, found {self.loss!r}")
        if not (self.column is None or isinstance(self.column, str)):
            raise ParamError(f"Output: column must be the name of a column, found {self.column!r}")

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = x

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy
