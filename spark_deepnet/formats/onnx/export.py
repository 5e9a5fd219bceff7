"""A network as a graph of ONNX: every node by the writer of its kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.formats.onnx.writers._graph import Graph
from spark_deepnet.formats.onnx.writers._outputs import columns
from spark_deepnet.formats.onnx.writers._registry import Writer, writers
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.tokens import token_inputs
from spark_deepnet.plan.architecture import OutputSpec

OPSET = 17
IR_VERSION = 8
LENGTHS = "lengths"


@dataclass
class Writing:
    """A network on its way into a graph."""

    net: Net
    weights: Mapping[str, Mapping[str, np.ndarray]]
    """Node -> weight -> array."""
    graph: Graph = field(default_factory=Graph)
    values: dict[str, Value] = field(default_factory=dict)
    lengths: dict[str, str] = field(default_factory=dict)
    """Node -> the tensor of its rows' lengths."""

    def read(self, sequences: Collection[str]) -> None:
        """The inputs, and the lengths of those that are sequences; what lies behind a row's end counts as zeros."""
        graph, whole = self.graph, token_inputs(self.net)
        graph.reserve(*self.net.inputs)
        for name, shape in self.net.inputs.items():
            graph.scope = name
            tensor = graph.input(name, shape, whole=name in whole)
            if name in sequences:
                own = graph.unique(LENGTHS if len(sequences) == 1 else f"{name}_{LENGTHS}")
                self.lengths[name] = graph.input(own, (), whole=True)
                fill = np.int64(0) if name in whole else np.float32(0)
                tensor = Rows(graph, own, shape[0]).filled(tensor, len(shape), fill)
                if name in whole:
                    graph.whole.add(tensor)
            self.values[name] = Value(graph, shape, tensor)

    def write(self, node: Node) -> None:
        """Add a node."""
        self.graph.scope = node.name
        writer = writer_of(node)
        lengths = next((self.lengths[name] for name in node.inputs if name in self.lengths), None)
        inputs = tuple(self.values[name] for name in node.inputs)
        step = Step(self.graph, node, self.weights.get(node.owner, {}), inputs, lengths)
        if step.rows is not None and not writer.by_length:
            raise step.refusal("cannot be written for rows of different lengths")
        made = writer.write(step)
        value = Value(self.graph, node.shape, made) if isinstance(made, str) else made
        self.values[node.name] = value if lengths is None else self._ended(node, writer, value, lengths)

    def _ended(self, node: Node, writer: Writer, value: Value, lengths: str) -> Value:
        """The value with zeros behind each row's end, whose lengths are kept."""
        steps = next(
            shape[0] for name, shape in zip(node.inputs, node.input_shapes, strict=True) if name in self.lengths
        )
        before = np.arange(steps + 1, dtype=np.int32)
        after = node.layer.lengths(node.x, before)
        if after is None:
            return value
        same = np.array_equal(after, before)
        own = lengths if same else Rows(self.graph, lengths, steps).table(after.astype(np.int64), "lengths")
        self.lengths[node.name] = own
        if writer.keeps_zeros and same:
            return value
        first = value.is_first
        tensor = Rows(self.graph, own, node.shape[0]).filled(value.tensor(first), len(node.shape), first=first)
        return Value(self.graph, node.shape, None if first else tensor, tensor if first else None)

    def give(self, name: str, tensor: str, shape: Shape, node: str) -> None:
        """An output, and its lengths where its rows have steps."""
        own = self.graph.unique(name)
        self.graph.output(own, tensor, shape)
        if node in self.lengths and shape:
            self.graph.output(self.graph.unique(f"{own}_{LENGTHS}"), self.lengths[node], (), whole=True)


def writer_of(node: Node) -> Writer:
    """FormatError for a layer of the user's own, or one that has none."""
    kind, known = node.layer.kind, writers()
    if kind not in known or not type(node.layer).__module__.startswith(f"{Layer.folder()}."):
        raise FormatError(
            f"toOnnx: layer {node.name!r} is of the kind {kind!r} ({type(node.layer).__name__}), which cannot be written as "
            f"ONNX; replace it by layers of this package, or export the network up to it"
        )
    return known[kind]


def model_of(
    net: Net,
    weights: np.ndarray,
    heads: Sequence[OutputSpec] = (),
    sequences: Collection[str] = (),
    values: Sequence[str] | Mapping[str, str] = (),
    thresholds: Sequence[float] | None = None,
    opset: int = OPSET,
) -> Any:
    """A network and its flat vector of weights as an ONNX model.

    heads: what its outputs predict; without them, and beside the ``values``, the outputs are the nodes' values as they are.
    values: nodes, or nodes by the names of their outputs. sequences: the inputs whose rows have different lengths.
    thresholds: of the first output's classes.
    """
    if opset != OPSET:
        raise FormatError(
            f"toOnnx: opset must be {OPSET}, found {opset!r}; onnx.version_converter changes it in a file"
        )
    for node in net.nodes:
        writer_of(node)
    writing = Writing(net, net.layout.views(weights))
    writing.read(sequences)
    for node in net.nodes:
        writing.write(node)
    for k, (node, head) in enumerate(zip(net.outputs, heads, strict=False)):
        _give_columns(writing, node, head, k, thresholds)
    named = values if isinstance(values, Mapping) else {name: name for name in values}
    for name, source in (named or ({} if heads else {out.name: out.name for out in net.outputs})).items():
        if source not in writing.values:
            raise FormatError(f"toOnnx: there is no layer {source!r}; {near(source, writing.values)}")
        value = writing.values[source]
        writing.graph.scope = source
        writing.give(name, value.held(), value.shape, source)
    return _model(writing.graph)


def _give_columns(writing: Writing, node: Node, head: OutputSpec, k: int, thresholds: Sequence[float] | None) -> None:
    graph, suffix = writing.graph, f"_{head.name}" if k else ""
    graph.scope = node.name
    made = columns(graph, head, writing.values[node.name].held(), None if k else thresholds)
    for name, (tensor, shape) in made.items():
        graph.output(graph.unique(f"{name}{suffix}"), tensor, shape)
    if node.name in writing.lengths:
        graph.output(graph.unique(f"prediction{suffix}_{LENGTHS}"), writing.lengths[node.name], (), whole=True)


def _model(graph: Graph) -> Any:
    helper = onnx("helper")
    made = helper.make_graph(graph.nodes, "spark_deepnet", graph.inputs, graph.outputs, graph.initializers)
    return helper.make_model(
        made,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="spark_deepnet",
    )
