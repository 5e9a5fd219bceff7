"""The gradients' vector summed over the ranks in stretches, each as soon as the backward pass has completed it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spark_deepnet.exchange.overlap import Overlap
from spark_deepnet.net.weights import Layout

MIN_STRETCH_BYTES = 1 << 20
"""Bytes of a stretch: what is shorter would cost more in steps than it gains."""


class Overlapped:
    """``done(node)`` after each node's backward pass, ``finish()`` after the last: the vector is the sum.

    Weights that decay lie in the order of their nodes, so they are complete from the back to the front and go in
    stretches; all the rest (the first node's weights, biases, what stands behind the gradients) goes at the end."""

    def __init__(self, layout: Layout, vector: np.ndarray, all_reduce: Callable[[np.ndarray], None]) -> None:
        self.vector = vector
        self.stretches, self.rest = stretches(layout, MIN_STRETCH_BYTES // vector.itemsize)
        self._overlap = Overlap(all_reduce)
        self._left = list(self.stretches)

    def done(self, node: str) -> None:
        """The gradients of the weights that this node owns are complete."""
        if self._left and self._left[0] == node:
            self._overlap.ready(self.vector[self.stretches[self._left.pop(0)]])

    def finish(self) -> None:
        """All is complete, also on a rank without rows, which has done nothing."""
        for stretch in [*(self.stretches[node] for node in self._left), *self.rest]:
            self._overlap.ready(self.vector[stretch])
        self._left = list(self.stretches)
        self._overlap.finish()


def stretches(layout: Layout, least: int) -> tuple[dict[str, slice], list[slice]]:
    """node -> the stretch, of at least ``least`` floats, that is complete when the backward pass has left it, in its
    order; and what remains."""
    slots = [slot for slot in layout.slots if slot.weight.moves and slot.weight.decay_factor]
    starts = {slot.node: slot.start for slot in reversed(slots)}
    by_node: dict[str, slice] = {}
    end = top = max((run.stretch.stop for run in layout.runs() if run.decays), default=0)
    for node, start in starts.items():
        if end - start >= least:
            by_node[node] = slice(start, end)
            end = start
    rest = [slice(0, end), slice(top, None)] if by_node else [slice(None)]
    return by_node, [stretch for stretch in rest if stretch.stop != 0]
