"""All weights of a network in one flat vector; layers get named views of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.memory import aligned, padded
from spark_deepnet.kernels.random import key_of
from spark_deepnet.layers.layer import Arrays, Weight


@dataclass(frozen=True)
class Slot:
    """The place of one weight array in the flat vector."""

    node: str
    key: str
    weight: Weight
    start: int

    @property
    def name(self) -> str:
        """The name of the layer, a slash and the weight's own name; the last slash parts them."""
        return f"{self.node}/{self.key}"

    @property
    def stop(self) -> int:
        return self.start + prod(self.weight.shape)

    def view(self, flat: np.ndarray) -> np.ndarray:
        return flat[self.start : self.stop].reshape(self.weight.shape)


class HasNodes(Protocol):
    """A network, as far as its weights go."""

    @property
    def nodes(self) -> Sequence[Any]: ...


class Layout:
    """The layout of the flat vector. Each array starts on a cache line: first arrays with weight decay, then those
    without, then those that no step changes, last those that nothing changes. The gaps hold zeros whose gradients are
    zero, so no optimizer changes them."""

    def __init__(self, net: HasNodes) -> None:
        owners = {
            n.owner: n for n in reversed(net.nodes)
        }  # the first user, if a network was narrowed without the owner
        users = [n for n in net.nodes if owners[n.owner] is n]
        wanted = [(n.owner, key, weight) for n in users for key, weight in n.weights().items()]
        self.slots: list[Slot] = []
        self.size = 0
        for node, key, weight in sorted(wanted, key=lambda w: _rank(w[2])):
            if "/" in key:
                raise NetworkError(f"layer {node!r}: the name of a weight has no '/', found {key!r}")
            self.slots.append(Slot(node, key, weight, self.size))
            self.size += padded(prod(weight.shape))
        self.varying = min((slot.start for slot in self.slots if slot.weight.fixed), default=self.size)
        """From here on nothing changes the weights."""
        self.moving = min((slot.start for slot in self.slots if not slot.weight.moves), default=self.size)
        """From here on no step changes the weights."""

    @property
    def count(self) -> int:
        """The number of weights, gaps left out."""
        return sum(prod(slot.weight.shape) for slot in self.slots)

    def zeros(self, dtype: Any = np.float32) -> np.ndarray:
        return aligned(self.size, dtype)

    def init_weights(self, seed: int, dtype: Any = np.float32) -> np.ndarray:
        """The initial weights as a flat vector: the same numbers for the same seed and names, wherever they are
        computed."""
        flat = self.zeros(dtype)
        for slot in self.slots:
            w = slot.weight
            _init_weight(w, key_of("weights", seed, slot.name), slot.view(flat))
        return flat

    def views(self, flat: np.ndarray) -> dict[str, Arrays]:
        """node -> weight's own name -> view."""
        views: dict[str, Arrays] = {}
        for slot in self.slots:
            views.setdefault(slot.node, {})[slot.key] = slot.view(flat)
        return views

    def named(self, flat: np.ndarray) -> Arrays:
        """ "node/weight" -> view, in the flat vector's order."""
        return {slot.name: slot.view(flat) for slot in self.slots}

    def packed(self, arrays: Mapping[str, np.ndarray], dtype: Any = np.float32) -> np.ndarray:
        """The flat vector of named arrays; all arrays are required, in their shapes."""
        flat = self.zeros(dtype)
        names = {slot.name for slot in self.slots}
        if names != set(arrays):
            raise NetworkError(f"weights: expected {sorted(names)}, found {sorted(arrays)}")
        for slot in self.slots:
            if arrays[slot.name].shape != slot.weight.shape:
                raise NetworkError(
                    f"weights of {slot.name!r}: expected {slot.weight.shape}, found {arrays[slot.name].shape}"
                )
            slot.view(flat)[...] = arrays[slot.name]
        return flat

    def runs(self, layerwise: bool = False) -> list[Run]:
        """The part that steps change: the calls of an optimizer. Layerwise: one stretch per array."""
        whole = [run_of(slot) for slot in self.slots if slot.weight.moves]
        if layerwise:
            return whole
        merged: list[Run] = []
        for run in whole:
            if merged and merged[-1][1:] == run[1:]:
                run = run._replace(stretch=slice(merged.pop().stretch.start, run.stretch.stop))
            merged.append(run)
        return merged


class Run(NamedTuple):
    """A stretch of the flat vector whose weights have the same factors."""

    stretch: slice
    decays: float
    """Factor of weight decay; 0: none."""
    rate: float
    """Factor of the learning rate."""


def run_of(slot: Slot) -> Run:
    """The stretch of one array, its gap included."""
    end = slot.start + padded(slot.stop - slot.start)
    return Run(slice(slot.start, end), slot.weight.decay_factor, slot.weight.rate)


def _rank(weight: Weight) -> tuple[bool, bool, bool]:
    """By which arrays are sorted."""
    return weight.fixed, not weight.trained, weight.decay_factor == 0


def _init_weight(w: Weight, key: np.uint64, out: np.ndarray) -> None:
    """Write the initial weights; those of a part are the same as in the whole array."""
    if w.part is None:
        w.initializer.fill(out, key, w.fan_in, w.fan_out)
    else:
        w.initializer.fill_part(out, w.part.shape, w.part.entries, key, w.fan_in, w.fan_out)
