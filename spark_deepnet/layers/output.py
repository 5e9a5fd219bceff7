"""Output: marks scores as one of several outputs of a network, each with a loss and a label column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.layers.layer import Arrays, Call, StepwiseLayer


@dataclass(frozen=True, repr=False)
class Output(StepwiseLayer, kind="output"):
    """y = x, the scores (or their link) that a loss sees. No layer reads it: a layer after it in the list reads the
    marked layer. The network's loss is the sum of weight * loss over its outputs.

    loss: its name, object or JSON; None: the Param loss, whose "auto" depends on the marked layer. column: the label
    column; None: labelCol. weight: weight of its loss in the sum, 0 or more. name: name in measures and prediction
    columns; None: the name of the marked layer.
    """

    loss: Any = None
    column: str | None = None
    weight: float = 1.0
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "weight")
        named = self.loss is None or isinstance(self.loss, str | dict)
        if not named and getattr(self.loss, "family", None) != "losses":
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
