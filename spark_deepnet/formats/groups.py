"""What a file of weights holds: named groups of arrays, one group for each layer that has some, none read yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spark_deepnet.layers.layer import Shape


@dataclass(frozen=True)
class StoredArray:
    """An array in a file; ``read`` reads it as float32."""

    shape: Shape
    read: Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class Group:
    """The arrays of one foreign layer."""

    name: str
    """As the user knows it."""
    arrays: Mapping[str, StoredArray]
    """The parameter's name in the file, or its position -> the array."""
    path: str = ""
    """Where it is in the file; "": as its name says."""
    kinds: frozenset[str] | None = None
    """The kinds of layers that its class can be here; None: the file does not tell the class."""
    epsilon: float | None = None
    """Of a normalization, where the file tells."""
    note: str = ""
    """Why no layer takes it, where that is known."""

    def renamed(self, name: str) -> Group:
        return replace(self, name=name)

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called in ``names=``."""
        return tuple(dict.fromkeys([self.name, self.path or self.name]))

    @property
    def template(self) -> str:
        """Its path without numbers: paths that differ in numbers alone are in the order of these."""
        return re.sub(r"[_.]?\d+", "", self.path or self.name)

    @property
    def order(self) -> list[tuple[int, int, str]]:
        """Sorts paths by their numbers, so that 2 comes before 10."""
        parts = re.findall(r"\d{1,18}|\D+", (self.path or self.name).replace("_", "."))
        return [(0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part) for part in parts]

    @property
    def shown(self) -> str:
        arrays = [
            f"{key} {array.shape}" if not key.isdigit() else f"{array.shape}" for key, array in self.arrays.items()
        ]
        return f"{self.name!r} with {listed(arrays)}" + (f" ({self.note})" if self.note else "")


MAX_LISTED = 12


def listed(texts: list[str]) -> str:
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more
