"""What the name of a value in an ONNX graph stands for: numbers that are known, or numbers of every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.layers.layer import Shape

ROWS = (10_007, 10_009)
"""Two numbers of rows for which constants are computed; what is not the same for both depends on the number of rows."""


@dataclass(frozen=True)
class Const:
    """Numbers that are known when the file is read: for the first number of rows, and for the second."""

    array: np.ndarray
    other: np.ndarray

    @staticmethod
    def of(array: np.ndarray) -> Const:
        return Const(array, array)

    @property
    def fixed(self) -> bool:
        """Whether they are the same for any number of rows."""
        a, b = self.array, self.other
        return a is b or (a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")))


@dataclass(frozen=True)
class Tensor:
    """A value of the network. Its row has all axes of the file's tensor but that of rows."""

    value: Value
    """``steps_first`` says that a row is held in the file's order, else images and sequences have channels last."""
    rows: int = 0
    """Which axis is that of rows."""
    integer: bool = False
    """Whether the file has whole numbers, such as tokens."""
    single: bool = False
    """Whether a row is one number without an axis in the file; it is held as (1,)."""

    @staticmethod
    def of_row(value: Value, row: Shape, rows: int, integer: bool = False) -> Tensor:
        """A value that is held in the file's order and has this row there."""
        return Tensor(value, rows, integer, single=not row)

    @property
    def row(self) -> Shape:
        return () if self.single else self.value.shape

    @property
    def rank(self) -> int:
        """The number of axes, that of rows too."""
        return len(self.row) + 1

    def sizes(self, rows: int) -> Shape:
        """All sizes for this number of rows."""
        return (*self.row[: self.rows], rows, *self.row[self.rows :])

    def __str__(self) -> str:
        return "(" + ", ".join(["N" if k == self.rows else str(n) for k, n in enumerate(self.sizes(0))]) + ")"


@dataclass(frozen=True)
class Within:
    """Which tokens of x are at least ``least`` and below ``end``."""

    x: Tensor
    least: float
    end: float


@dataclass(frozen=True)
class Tokens:
    """The tokens of x that are 0..end - 1, and the number ``instead`` in place of others."""

    x: Tensor
    end: int
    instead: int


@dataclass(frozen=True)
class Table:
    """Numbers that hang on the length of a row alone: (steps + 1, ...), by length."""

    array: np.ndarray


@dataclass(frozen=True)
class Masked:
    """The steps of x, with the lowest number behind each row's end."""

    x: Tensor


@dataclass(frozen=True)
class Picked:
    """Steps of x by the length of a row: places (steps + 1, count)."""

    x: Tensor
    places: np.ndarray


@dataclass(frozen=True)
class Projected:
    """Heads of a self-attention: factor (source W + b)."""

    source: Value
    W: np.ndarray
    b: np.ndarray
    heads: int
    factor: float


@dataclass(frozen=True)
class Attention:
    """A self-attention on its way: scores, shares, heads (N, heads, steps, columns), steps (N, steps, heads, columns), and
    lines (N, steps, heads columns)."""

    q: Projected
    k: Projected
    steps: int
    stage: str = "scores"
    v: Projected | None = None
    causal: bool = False


Operand = Tensor | Const | Within | Tokens | Table | Masked | Picked | Attention | None
