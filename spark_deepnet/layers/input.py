"""Input: an input of a network that reads several columns of the DataFrame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.layer import Layer

ANY_LENGTH = -1
"""First size of an Input whose rows are sequences of any length."""


@dataclass(frozen=True, repr=False)
class Input(Layer, kind="input"):
    """An input of the network, read by its ``name`` in other layers' ``inputs``. It computes nothing.

    sizes: the shape of one row; None: from the data. A first size of -1 means sequences of any length. column: its
    column, or a tuple of numeric columns; None: featuresCol. channel_order: "rgb" turns the channels of Spark's images,
    which are in the order "bgr"; None: as they come. Arrays and binary tensors are never turned.
    """

    is_input: ClassVar[bool] = True
    sizes: tuple[int, ...] | None = None
    column: str | tuple[str, ...] | None = None
    channel_order: str | None = None

    def __post_init__(self) -> None:
        sizes = (1,) if self.sizes is None else self.sizes
        ints = isinstance(sizes, tuple) and sizes and all(isinstance(s, int) for s in sizes)
        if not ints or min(sizes[1:], default=1) < 1 or (sizes[0] < 1 and sizes[0] != ANY_LENGTH):
            right = "a tuple of ints of at least 1 (the first may be -1)"
            raise ParamError(f"Input: sizes must be {right}, found {self.sizes!r}")
        if self.channel_order not in (None, "bgr", "rgb"):
            raise ParamError(f"Input: channel_order must be 'bgr', 'rgb' or None, found {self.channel_order!r}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by name; none: featuresCol."""
        return () if self.column is None else (self.column,) if isinstance(self.column, str) else tuple(self.column)
