"""Forward and backward passes over batches of one size: every layer's arguments are prepared once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.kernels.lengths import zero_beyond
from spark_deepnet.kernels.random import key_of
from spark_deepnet.kernels.threads import in_parallel
from spark_deepnet.layers._csr import Csr
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call
from spark_deepnet.net.buffers import Buffers
from spark_deepnet.net.by_length import Group, backward_by_length, forward_by_length
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.parts import RowPart, cut, row_parts
from spark_deepnet.net.seen import Seen
from spark_deepnet.net.steps import lengths_into

Lengths = Mapping[str, np.ndarray]
"""For inputs whose rows are sequences of different lengths: input -> (n,) int32."""
Sums = tuple[tuple[np.ndarray, np.ndarray], ...]
Seens = Mapping[str, Mapping[str, Seen]]
"""Node -> weight -> gradients that may be stored separately."""


@dataclass
class NodeCall:
    """The arguments of one node's layer."""

    node: Node
    key: np.uint64
    w: Arrays
    x: Any
    y: np.ndarray
    call: Call
    dy: np.ndarray | None = None
    dx: Any = None
    gradients: Arrays | None = None
    sums: Sums = ()
    """(gradient, addend): if another node has already written the gradient, this node's part is added."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    ends: np.ndarray | None = None
    """The lengths of the output's rows, if they are sequences."""
    groups: list[Group] | None = None
    """The rows by length, in a pass that runs each length separately."""
    parts: tuple[RowPart, ...] = ()
    """The rows in parts that threads compute at the same time; empty: they are not cut."""

    def forward(self, known: dict[str, np.ndarray]) -> None:
        layer, lengths = self.node.layer, lengths_into(self.node, known)
        self.call.lengths = lengths
        if self._by_length(lengths):
            self.groups = forward_by_length(layer, self.w, self.x, self.y, self.call)
        else:
            self.groups = None
            if self.parts:
                in_parallel([partial(part.forward, self.call) for part in self.parts])
            else:
                layer.forward(self.w, self.x, self.y, self.call)
        self.ends = None if lengths is None else layer.lengths(self.node.x, lengths)
        if self.ends is not None:
            known[self.node.name] = self.ends
            zero_beyond(self.ends, _steps(self.y))

    def _by_length(self, lengths: np.ndarray | None) -> bool:
        """Whether some row is padded and the layer must not see its padding."""
        if lengths is None or np.all(lengths == self.node.input_shapes[0][0]):
            return False
        return self.node.layer.masking(self.node.x) is Masking.BY_LENGTH

    def backward(self) -> None:
        if self.ends is not None and self.dy is not None:
            zero_beyond(self.ends, _steps(self.dy))
        for name, seen in self.seen.items():
            assert self.gradients is not None
            self.gradients[name] = seen.take(self.x.seen) if isinstance(self.x, Csr) else seen.whole()
        layer, gradients = self.node.layer, self.gradients or {}
        assert self.dy is not None
        if self.groups is not None:
            backward_by_length(layer, self.w, self.groups, self.dy, self.dx, gradients)
        elif self.parts:
            in_parallel([part.backward for part in self.parts])
            for part in self.parts[1:]:
                for name, gradient in (part.gradients or {}).items():
                    gradients[name] += gradient
        else:
            layer.backward(self.w, self.x, self.y, self.dy, self.dx, gradients, self.call)
        for gradient, addend in self.sums:
            gradient += addend


def _moving(net: Net, inputs: Collection[str]) -> set[str]:
    """These inputs, and the nodes whose values change with them or with weights that steps change: only through these does
    backward go."""
    owners = {node.name: node.moves() for node in net.nodes}
    moving = set(inputs)
    for node in net.nodes:
        if owners.get(node.owner) or not moving.isdisjoint(node.inputs):
            moving.add(node.name)
    return moving


def _steps(a: np.ndarray) -> np.ndarray:
    """(rows, steps, all the rest)"""
    return a if a.ndim == 3 else a.reshape(*a.shape[:2], prod(a.shape[2:]))


class Batch:
    """n rows: fill ``feed``, call ``forward`` for the scores, fill ``gradient``, call ``backward`` for the weights'
    gradients. With several outputs these are the first output's; ``outputs`` has scores (y), gradients (dy) and lengths
    (ends) of each, ``tops`` the calls that compute their scores. Only the names and shapes of ``net`` are used: its
    sequences may be shorter than the buffers' own. ``sparse`` inputs are fed as Csr."""

    def __init__(
        self,
        net: Net,
        n: int,
        buffers: Buffers,
        weights: Mapping[str, Arrays],
        gradients: Mapping[str, Arrays] | None,
        call: Call,
        sparse: Collection[str] = (),
        seen: Seens | None = None,
    ) -> None:
        """call: the context that all layers share."""
        self.net, self.n, self.buffers = net, n, buffers
        self.shapes = dict(net.inputs) | {node.name: node.shape for node in net.nodes}
        self.feed: dict[str, Any] = {
            name: buffers.csr(name) if name in sparse else self._value(name) for name in net.inputs
        }
        self.moving = _moving(net, buffers.inputs)
        self.calls = [self._node_call(node, weights.get(node.owner, {}), call) for node in net.nodes]
        if gradients is not None:
            self._write_backward(gradients, seen or {})
        for node_call in self.calls:
            node_call.parts = self._parts(node_call)
        calls = {node_call.node.name: node_call for node_call in self.calls}
        self.outputs = tuple(calls[out.name] for out in net.outputs)
        self.tops = tuple(calls[top.name] for top in net.tops)

    def forward(
        self,
        training: bool,
        step: np.uint64,
        rows: np.ndarray,
        lengths: Lengths,
        exchange_now: bool = True,
        updates: int | None = None,
        refreshes: bool = False,
    ) -> np.ndarray:
        """updates: number of steps that the fit has made before; None: unknown. refreshes: see ``Call``."""
        known = dict(lengths)
        for node_call in self.calls:
            call = node_call.call
            call.training, call.rows, call.key, call.exchange_now = training, rows, node_call.key ^ step, exchange_now
            call.updates, call.refreshes = updates, refreshes
            node_call.forward(known)
        return self.outputs[0].y

    def backward(self, done: Callable[[str], None] | None = None) -> None:
        """done(node) is called as soon as the gradients of the node's own weights are complete: the owner precedes all
        nodes that share its weights, so in this direction it is the last to add its part."""
        for node_call in reversed(self.calls):
            if node_call.node.name in self.moving:
                node_call.backward()
            if done is not None:
                done(node_call.node.name)

    @property
    def gradient(self) -> np.ndarray | None:
        """The buffer for the gradient of the scores, filled before ``backward``; None if the batch is not for
        training."""
        return self.outputs[0].dy

    def input_gradient(self, name: str) -> np.ndarray:
        """The gradient of an input after ``backward``, of a runner that is asked for those of inputs."""
        gradient = self.buffers.gradient(name, self.n, self.shapes[name])
        assert gradient is not None
        return gradient

    def _value(self, name: str) -> np.ndarray:
        return self.buffers.value(name, self.n, self.shapes[name])

    def _node_call(self, node: Node, w: Arrays, call: Call) -> NodeCall:
        x = tuple(self.feed[name] if name in self.feed else self._value(name) for name in node.inputs)
        call = replace(call, saved=self.buffers.saved(node, self.n))
        return NodeCall(
            node, key_of("node", node.name), w, x if node.layer.multi_input else x[0], self._value(node.name), call
        )

    def _parts(self, whole: NodeCall) -> tuple[RowPart, ...]:
        if isinstance(whole.x, Csr):
            return ()
        parts = []
        for k, rows in enumerate(row_parts(whole.node, self.n)):
            saved = {name: array[rows] for name, array in whole.call.saved.items()}
            x, y, dy, dx = (cut(a, rows) for a in (whole.x, whole.y, whole.dy, whole.dx))
            gradients = whole.gradients or {}
            if k > 0:
                gradients = {name: self.buffers.part(whole.node, k, name, a) for name, a in gradients.items()}
            parts.append(RowPart(rows, whole.node.layer, whole.w, x, y, saved, dy, dx, gradients))
        return tuple(parts)

    def _write_backward(self, gradients: Mapping[str, Arrays], seen: Seens) -> None:
        written: set[Hashable] = set()
        for node_call in reversed(self.calls):
            node = node_call.node
            node_call.dy = self.buffers.gradient(node.name, self.n, self.shapes[node.name])
            if node.name not in self.moving:
                continue
            dx: list[np.ndarray | None] = []
            sums: list[tuple[np.ndarray, np.ndarray]] = []
            for name in node.inputs:
                target = self.buffers.gradient(name, self.n, self.shapes[name]) if name in self.moving else None
                if target is not None and name in written:
                    addend = self.buffers.addend(len(sums), self.n, self.shapes[name])
                    sums.append((target, addend))
                    target = addend
                written.add(name)
                dx.append(target)
            node_call.dx = tuple(dx) if node.layer.multi_input else dx[0]
            node_call.gradients, more = self._weight_gradients(node, gradients, written)
            node_call.sums = (*sums, *more)
            node_call.seen = seen.get(node.owner, {})

    def _weight_gradients(
        self, node: Node, gradients: Mapping[str, Arrays], written: set[Hashable]
    ) -> tuple[Arrays, Sums]:
        """The arrays for a node's weight gradients: a second user of the same weights gets separate arrays, which are
        added."""
        own = gradients.get(node.owner, {})
        key = "weights", node.owner
        if key not in written:
            written.add(key)
            return own, ()
        parts = {name: np.empty_like(array) for name, array in own.items()}
        return parts, tuple((own[name], parts[name]) for name in own)
