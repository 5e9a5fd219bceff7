"""The columns sent to ranks and scorers: a fixed set of names, whatever the names of the user's columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import numpy as np

from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.net import INPUT

IGNORED = -(1 << 31)
"""In place of labels that count for nothing."""
LABEL, WEIGHT, VALIDATION, ORDER = "label", "weight", "validation", "order"
ARRAY, VECTOR, BYTES, STEPS, IMAGE = "array", "vector", "bytes", "steps", "image"

WIDE_COLUMNS, SPARSE_ENTRIES = 4096, 64
_PARTS = {VECTOR: ("type", "size", "indices", "values"), IMAGE: ("x", "height", "width", "channels", "mode", "origin")}


@dataclass(frozen=True)
class Source:
    """One input of the network, and how its rows are sent.

    kind: ``array`` (array<float>), ``vector`` (a vector unwrapped into four columns: type 0 sparse, 1 dense), ``bytes``
    (binary, one byte per number), ``image`` (binary, with Spark's height, width, channels, mode and origin), or ``steps``
    (array<float> of any number of steps, one after another). Tokens are sent as whole numbers or doubles, other numbers
    as floats.
    """

    shape: Shape
    """Of one row; of steps: the longest row's."""
    input: str = INPUT
    name: str = "features"
    """The user's column, for messages."""
    kind: str = ARRAY
    tokens: int = 0
    """If above 0, the numbers are tokens 0..tokens-1."""
    nested: bool = False
    """Whether rows were arrays of arrays: rows of another shape are sent as null, with their shape as text."""
    rgb: bool = False
    """Whether an image's channels, blue, green and red, are turned."""
    resized: bool = False
    """Whether images come in any size, and are brought to this one."""

    @property
    def width(self) -> int:
        """Numbers per row."""
        return prod(self.shape)

    @property
    def wide(self) -> bool:
        """Whether rows are assumed to be sparse, with SPARSE_ENTRIES numbers each, before any row is read."""
        return self.kind == VECTOR and self.width >= WIDE_COLUMNS and not self.tokens

    @property
    def held_as(self) -> type[np.generic]:
        """The type of its numbers in a table."""
        return np.int32 if self.tokens else np.uint8 if self.kind in (BYTES, IMAGE) else np.float32

    @property
    def expected(self) -> str:
        """The shape of its rows, for messages."""
        if self.resized:
            return f"images of {self.shape[-1]} channels"
        return str(self.shape) if self.kind != STEPS else f"({', '.join(['any steps', *map(str, self.shape[1:])])})"

    @property
    def step(self) -> int:
        """Numbers per step."""
        return prod(self.shape[1:])

    @property
    def exact(self) -> str:
        """The column with doubles of a few rows, to see what float32 loses."""
        return f"{_safe(self.input)} exact"

    @property
    def key(self) -> str:
        """The column with a hash of a vector, by which rows are distributed."""
        return f"{_safe(self.input)} key"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in which it is sent."""
        parts = _PARTS.get(self.kind, ("x", "shape") if self.nested else ("x",))
        return tuple(f"{_safe(self.input)} {part}" for part in parts)


def _safe(name: str) -> str:
    """A name that Spark reads as one part, and that is unique even without regard to case."""
    return re.sub(r"[^a-z0-9_ ]", lambda match: f"~{ord(match[0]):x}~", name)


@dataclass(frozen=True)
class Target:
    """The target of one output of the network, and how it is sent."""

    label: str
    """The user's column, for messages."""
    labels: int = 0
    """Targets per row (or step); 0: one number that is a class 0..classes-1."""
    classes: int = 0
    indicators: bool = False
    """Whether targets are yes or no, in 0..1."""
    steps: bool = False
    """Whether every step of a row has a target."""
    column: str = LABEL
    """The column in which it is sent."""
    least: float = float("-inf")
    """The lowest target that the loss allows."""
    ignore: int | None = None
    """Of classes: a label whose rows count for nothing."""
    exact: bool = True
    """Whether targets keep float64, since float32 may not hold them: all except those that were float32 or short."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype of its target arrays."""
        if not self.labels:
            return np.dtype(np.int32)
        return np.dtype(np.float64 if self.exact and not self.indicators else np.float32)

    @property
    def lists(self) -> bool:
        """Whether it is sent as a list of numbers."""
        return self.steps or self.labels > 1


@dataclass(frozen=True)
class Columns:
    """How to read the columns sent, and the user's names for them, for messages."""

    sources: tuple[Source, ...]
    targets: tuple[Target, ...] = ()
    """One for each output of the network, in their order."""
    weight: str | None = None
    validation: str | None = None
    order: str | None = None
    """The column that says in which order rows come."""
    skips: bool = False
    """Whether rows with missing features or targets are left out of a fit."""
    class_weights: tuple[float, ...] = ()
    """By which the weights of the only target's classes are multiplied, before they are sent; empty: all are 1."""
    held_out: float = 0.0
    """The fraction of the rows that are held out for validation."""
    seed: int = 0
    """By which they are chosen."""

    @property
    def validated(self) -> bool:
        """Whether some rows are for validation."""
        return self.validation is not None or self.held_out > 0
