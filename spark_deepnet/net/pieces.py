"""The pieces of the weights that the blocks of a cut network hold, and the whole weights from their pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spark_deepnet.layers.layer import Part
from spark_deepnet.net.cut import cuts
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Slot

Pieces = dict[str, list[Any]]
"""Array -> its piece's shape, and the entries of the whole that it holds along each axis, as plain values."""


def alike(block: Net, last: Net) -> list[Slot]:
    """The weights that every block holds whole, as they lie in a block's vector; the last has none of its own alone."""
    common = {slot.name for slot in last.layout.slots if slot.weight.part is None}
    return [slot for slot in block.layout.slots if slot.name in common]


def assembled(net: Net, blocks: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """The whole network's flat vector, from the arrays of its blocks by name."""
    layout = net.layout
    flat = layout.zeros()
    whole = layout.named(flat)
    for block, own in zip(cuts(net, len(blocks)), blocks, strict=True):
        for slot in block.layout.slots:
            whole[slot.name][... if slot.weight.part is None else slot.weight.part.index] = own[slot.name]
    return flat


def pieces_of(net: Net, blocks: int) -> list[Pieces]:
    """For each block what it holds of the network's arrays."""
    slots = (block.layout.slots for block in cuts(net, blocks))
    return [{slot.name: [list(slot.weight.shape), _entries(slot.weight.part)] for slot in own} for own in slots]


def _entries(part: Part | None) -> list[Any] | None:
    """The entries of the whole by axis, as [first, last + 1] of each run; None: all."""
    return None if part is None else [None if axis is None else _runs(axis) for axis in part.entries]


def _runs(entries: np.ndarray) -> list[list[int]]:
    breaks = np.flatnonzero(np.diff(entries) != 1) + 1
    return [[int(run[0]), int(run[-1]) + 1] for run in np.split(entries, breaks)]
