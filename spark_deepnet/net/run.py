"""A network at work: forward and backward over batches of up to so many rows, in buffers made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.random import key_of
from spark_deepnet.layers.layer import Arrays, Call
from spark_deepnet.net.buffers import Buffers
from spark_deepnet.net.net import Net, Node
from spark_deepnet.net.weights import Layout

_PROGRAMS = 8  # batch sizes whose views are kept


@dataclass
class _Turn:
    """One node's arguments for one batch size."""

    node: Node
    key: np.uint64
    w: Arrays
    x: Any
    y: np.ndarray
    call: Call
    dy: np.ndarray | None = None
    dx: Any = None
    slopes: Arrays | None = None
    sums: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    """(slope, addend): where another reader has already written, this node's part is added."""

    def forward(self, training: bool, step: np.uint64, rows: np.ndarray) -> None:
        self.call.training, self.call.rows, self.call.key = training, rows, self.key ^ step
        self.node.layer.forward(self.w, self.x, self.y, self.call)

    def backward(self) -> None:
        self.node.layer.backward(self.w, self.x, self.y, self.dy, self.dx, self.slopes or {}, self.call)  # type: ignore[arg-type]
        for slope, addend in self.sums:
            slope += addend


class Runner:
    """Forward and backward passes of one network over one flat vector of weights.

    ``feed(n)`` gives the input buffers of n rows to fill, ``forward(n)`` the scores, and ``backward(n)`` turns the slope
    of the scores, written into ``slope(n)``, into ``slopes``: the flat vector of the weights' slopes.
    """

    def __init__(
        self,
        net: Net,
        weights: np.ndarray,
        capacity: int,
        training: bool = True,
        total: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.net, self.layout, self.weights = net, Layout(net), weights
        self.total = total or Call.total
        self.buffers = Buffers(net, capacity, weights.dtype, training)
        self.capacity, self.training = capacity, training
        self.slopes = aligned(self.layout.size, weights.dtype) if training else np.zeros(0, weights.dtype)
        self._saved = {node.name: self._saved_of(node) for node in net.nodes}
        self._programs: dict[int, list[_Turn]] = {}

    @property
    def totals(self) -> bool:
        """Whether some layer sums over all ranks, so that all must pass together."""
        return any(node.layer.totals for node in self.net.nodes)

    def use_slopes(self, slopes: np.ndarray) -> None:
        """Write the weights' slopes into this vector from now on: part of a longer one that is exchanged whole."""
        self.slopes = slopes
        self._programs.clear()

    def feed(self, n: int) -> Arrays:
        return {name: self.buffers.value(name, n) for name in self.net.inputs}

    def slope(self, n: int) -> np.ndarray:
        found = self.buffers.slope(self.net.nodes[-1].name, n)
        assert found is not None
        return found

    def forward(
        self, n: int, training: bool = False, step: np.uint64 = np.uint64(0), rows: np.ndarray | None = None
    ) -> np.ndarray:
        """The scores of the n rows in the feed; rows: (n,) uint64 keys, needed by random layers in training."""
        turns = self._program(n)
        rows = np.zeros(n, np.uint64) if rows is None else rows
        for turn in turns:
            turn.forward(training, step, rows)
        return turns[-1].y

    def backward(self, n: int) -> None:
        for turn in reversed(self._program(n)):
            turn.backward()

    def _program(self, n: int) -> list[_Turn]:
        if n not in self._programs:
            if len(self._programs) == _PROGRAMS:
                self._programs.pop(next(iter(self._programs)))
            self._programs[n] = self._written(n)
        return self._programs[n]

    def _written(self, n: int) -> list[_Turn]:
        weights = self.layout.views(self.weights)
        turns = [self._turn(node, n, weights.get(node.name, {})) for node in self.net.nodes]
        if self.training:
            self._write_backward(turns, n)
        return turns

    def _turn(self, node: Node, n: int, w: Arrays) -> _Turn:
        x = tuple(self.buffers.value(name, n) for name in node.inputs)
        saved = {name: array[:n] for name, array in self._saved[node.name].items()}
        y = self.buffers.value(node.name, n)
        call = Call(saved=saved, total=self.total)
        return _Turn(node, key_of("node", node.name), w, x if node.layer.many else x[0], y, call)

    def _write_backward(self, turns: list[_Turn], n: int) -> None:
        slopes = self.layout.views(self.slopes)
        begun: set[str] = set()
        for turn in reversed(turns):
            turn.dy, turn.slopes = self.buffers.slope(turn.node.name, n), slopes.get(turn.node.name, {})
            dx, sums = [], []
            for name in turn.node.inputs:
                target = self.buffers.slope(name, n)
                if target is not None and name in begun:
                    addend = self.buffers.addend(len(sums), name, n)
                    sums.append((target, addend))
                    target = addend
                begun.add(name)
                dx.append(target)
            turn.dx, turn.sums = tuple(dx) if turn.node.layer.many else dx[0], tuple(sums)

    def _saved_of(self, node: Node) -> Arrays:
        dtype = self.weights.dtype
        wanted = node.layer.saves(node.x).items()
        return {name: aligned((self.capacity, *shape), kind or dtype) for name, (shape, kind) in wanted}
