"""Where a fit starts if it does not start from random weights: arrays by name, of another network or of an earlier fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError, near
from spark_deepnet.net.weights import Layout

MAX_LISTED = 5
"""Arrays that an error lists."""


@dataclass(frozen=True)
class InitialState:
    """Weights by name ("layer/weight"); for a fit that goes on, the optimizer's vectors by the same names, and the steps
    that it has made, from which its optimizer and its schedule count."""

    weights: Mapping[str, np.ndarray]
    vectors: tuple[Mapping[str, np.ndarray], ...] = ()
    steps: int = 0

    def names(self, layout: Layout) -> tuple[str, ...]:
        """The network's weights that start from here; ParamError unless there are some, and all have the right shapes."""
        slots = {slot.name: slot for slot in layout.slots}
        taken = tuple(name for name in slots if name in self.weights)
        if not taken:
            name = next(iter(slots), "")
            raise ParamError(
                f"initialModel: it has no weights of the network's names, which are "
                f"{_listed(list(slots))}; for {name!r}, {near(name, self.weights)}"
            )
        shapes = {name: (self.weights[name].shape, slots[name].weight.shape) for name in taken}
        wrong = [f"{name!r} {own}, expected {right}" for name, (own, right) in shapes.items() if own != right]
        if wrong:
            raise ParamError(
                f"initialModel: the shapes of some weights are not the network's: found {_listed(wrong)}; rename layers "
                f"that should start at random"
            )
        return taken

    def check_vectors(self, names: Sequence[str], solver: str) -> None:
        """Refuse vectors of another optimizer. names: of the optimizer's own vectors."""
        if self.vectors and len(self.vectors) != len(names):
            raise ParamError(
                f"initialModel: it carries {len(self.vectors)} vectors of an optimizer, but {solver} has {len(names)} "
                f"({', '.join(names)}); choose the solver that it was trained with"
            )

    def fill(self, layout: Layout, arrays: Sequence[np.ndarray]) -> None:
        """Write weights and vectors into these flat vectors of a network, or of a block of it."""
        for flat, given in zip(arrays, (self.weights, *self.vectors), strict=False):
            for slot in layout.slots:
                if slot.name in given:
                    part = slot.weight.part
                    slot.view(flat)[...] = given[slot.name][... if part is None else part.index]

    def digest(self, names: Sequence[str]) -> str:
        """A hash of everything that these weights start from."""
        digest = hashlib.sha256(str(self.steps).encode())
        for arrays in (self.weights, *self.vectors):
            for name in sorted(set(names) & set(arrays)):
                digest.update(f"\n{name} {arrays[name].shape} ".encode())
                digest.update(np.ascontiguousarray(arrays[name], "<f4").tobytes())
        return digest.hexdigest()


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more
