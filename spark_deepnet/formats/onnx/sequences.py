"""Rows of different lengths in files of this package: whatever hangs on the input ``lengths`` alone is a table by length.

A network of this package gives each row what it gives by itself, so a mask that sets what lies behind a row's end to 0 is
no layer. It says where a row ends, which is compared with the lengths that the network itself has there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spark_deepnet.errors import DataError, FormatError, NetworkError
from spark_deepnet.formats.onnx.foreign_graph import Graph
from spark_deepnet.formats.onnx.values import Table
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.net.net import Net
from spark_deepnet.net.steps import lengths_into

LENGTHS = "lengths"
MAX_STEPS = 1 << 16


@dataclass
class Sequences:
    """What a graph says of its rows' lengths."""

    inputs: dict[str, int] = field(default_factory=dict)
    """Input of sequences -> the steps that it is padded to."""
    ends: dict[str, list[tuple[str, np.ndarray]]] = field(default_factory=dict)
    """Node -> what says where its rows end, and the ends by the length of the input's row."""
    alternatives: dict[str, list[Layer]] = field(default_factory=dict)
    """Node -> layers that compute the same for the longest rows."""

    @staticmethod
    def of(graph: Graph) -> Sequences:
        """The inputs whose steps are masked by an input of lengths. None in files of others."""
        names = {each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim] for each in graph.inputs()}
        own = Sequences()
        for node in graph.proto.node if graph.own else ():
            if node.op_type == "Where" and len(node.input) == 3 and node.input[1] in names:
                steps = names[node.input[1]][1:2]
                if hangs_on_lengths(graph, node.input[0], names) and steps and 0 < steps[0] <= MAX_STEPS:
                    own.inputs[node.input[1]] = int(steps[0])
        return own

    def tables(self, graph: Graph) -> dict[str, Table]:
        """The inputs of lengths as the lengths that there may be."""
        steps = {f"{name}_{LENGTHS}": size for name, size in self.inputs.items()}
        if len(self.inputs) == 1:
            steps[LENGTHS] = next(iter(self.inputs.values()))
        names = {each.name for each in graph.inputs()}
        return {name: Table(np.arange(size + 1)) for name, size in steps.items() if name in names}

    def settled(self, layers: Sequence[Layer], inputs: Mapping[str, Shape], alias: Mapping[str, str]) -> list[Layer]:
        """The layers, of those with alternatives the ones under which the most rows end where they should."""
        own, net = list(layers), Net.of(layers, inputs)
        best, shapes = self._right(net, alias), [node.shape for node in net.nodes]
        every = sum(map(len, self.ends.values()))
        for k, layer in enumerate(layers if best < every else ()):
            for other in self.alternatives.get(layer.name or "", ()) or _others(layer):
                trial = [
                    *own[:k],
                    replace(other, name=layer.name, inputs=layer.inputs, share=layer.share),
                    *own[k + 1 :],
                ]
                try:
                    net = Net.of(trial, inputs)
                except NetworkError:
                    continue
                right = self._right(net, alias) if [node.shape for node in net.nodes] == shapes else best
                if right > best:
                    own, best = trial, right
        return own

    def _right(self, net: Net, alias: Mapping[str, str]) -> int:
        try:
            own = _lengths(net, self.inputs)
        except (DataError, ValueError):
            return 0
        pairs = ((own.get(alias.get(name, name)), ends) for name, each in self.ends.items() for _, ends in each)
        return sum(_same(a, b) for a, b in pairs)

    def expect(self, node: str, who: str, ends: np.ndarray) -> None:
        """Rows of a value end here."""
        self.ends.setdefault(node, []).append((who, ends))

    def ends_at(self, node: str, lengths: int) -> np.ndarray:
        """Where rows of a value end, as it has been said of it, by this many lengths; else they are as long as they were."""
        known = [ends for _, ends in self.ends.get(node, ()) if len(ends) == lengths]
        return known[-1] if known else np.arange(lengths)

    def check(
        self, file: object, net: Net, alias: Mapping[str, str], outputs: Sequence[np.ndarray] | None = None
    ) -> None:
        """FormatError where rows end elsewhere in the network. outputs: the ends that the file gives of its outputs."""
        try:
            own = _lengths(net, self.inputs)
        except (DataError, ValueError) as error:
            raise FormatError(
                f"{file}: rows of different lengths are not followed through the graph: {error}"
            ) from None
        for name, all_ends in self.ends.items():
            for who, ends in all_ends:
                if not _same(own.get(alias.get(name, name)), ends):
                    raise FormatError(
                        f"{file}: node {who[:80]!r}: its rows of different lengths end where no layer of this package has "
                        f"them end; only what toOnnx writes for layers that keep a row's steps is read back"
                    )
        given = None if outputs is None else sorted(each.tolist() for each in outputs)
        if given is not None and given != sorted(own[out.name].tolist() for out in net.outputs if out.name in own):
            raise FormatError(f"{file}: the steps of its outputs are not those of the network that it is read as")


def hangs_on_lengths(graph: Graph, name: str, inputs: Mapping[str, object]) -> bool:
    """Whether a value is made of an input of lengths and constants alone."""
    waiting, seen = [name], False
    for _ in range(64):
        if not waiting:
            return seen
        name = waiting.pop()
        if name in inputs:
            if not name.endswith(LENGTHS):
                return False
            seen = True
        elif name in graph.makers:
            waiting += graph.proto.node[graph.makers[name]].input
    return False


def _lengths(net: Net, inputs: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Node -> where its rows end, by the length of the input's row."""
    own = {name: np.arange(steps + 1, dtype=np.int32) for name, steps in inputs.items()}
    for node in net.nodes:
        before = lengths_into(node, own)
        after = None if before is None else node.layer.lengths(node.x, before)
        if after is not None:
            own[node.name] = np.asarray(after)
    return own


def _same(own: np.ndarray | None, ends: np.ndarray) -> bool:
    """Whether these are the ends, where rows without steps may count as having one."""
    return own is not None and (np.array_equal(own, ends) or np.array_equal(np.maximum(own, 1), ends))


def _others(layer: Layer) -> Iterator[Layer]:
    """A Reshape that makes several steps of one, or one of several; a layer over windows with more padding behind the last
    step."""
    if isinstance(layer, Reshape):
        yield replace(layer, target=(-1, *layer.target[1:]))
    strides, padding = getattr(layer, "strides", 1), getattr(layer, "padding", None)
    if (
        isinstance(layer, Conv2D | MaxPool2D | AveragePool2D)
        and isinstance(strides, tuple)
        and isinstance(padding, tuple)
    ):
        (before, after), across = padding
        for more in range(1, strides[0]):
            yield replace(layer, padding=((before, after + more), across))


def ends_of(mask: np.ndarray) -> tuple[np.ndarray, int] | None:
    """(how many steps of a row are real by its length, the axis of steps) of a mask (lengths, ...), which is of steps
    alone and real up to a row's end; None if it is another one."""
    axes = [k for k, size in enumerate(mask.shape) if k and size > 1] or [1]
    if mask.ndim < 2 or len(axes) != 1 or mask.dtype != bool:
        return None
    lines = mask.reshape(len(mask), -1)
    ends = lines.sum(axis=1)
    return (ends, axes[0]) if np.array_equal(lines, np.arange(lines.shape[1]) < ends[:, None]) else None
