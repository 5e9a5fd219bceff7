"""An ONNX graph: its nodes, who makes each value, and what outputs need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.onnx.arrays import Arrays
from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.formats.onnx.spec import NodeSpec

MAX_NODES = 20_000
DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Graph:
    """The graph of a file."""

    file: Path
    proto: Any
    opset: int
    makers: Mapping[str, int]
    """Value -> the number of the node that makes it."""
    initializers: Mapping[str, Any]
    constants: Mapping[str, np.ndarray]
    """Inputs that the caller has bound."""
    own: bool = False
    """Whether this package wrote the file."""

    @staticmethod
    def of(file: Path, model: Any, constants: Mapping[str, np.ndarray]) -> Graph:
        graph = model.graph
        if len(graph.node) > MAX_NODES:
            raise FormatError(f"{file}: the graph has {len(graph.node)} nodes; the limit is {MAX_NODES}")
        if graph.sparse_initializer:
            raise FormatError(f"{file}: the graph has sparse initializers, which are not read; save them as dense ones")
        _check_names(file, graph)
        own = model.producer_name == "spark_deepnet"
        initializers = {each.name: each for each in graph.initializer}
        inputs = [each.name for each in graph.input]
        for name in constants:
            if name not in inputs:
                raise FormatError(f"{file}: constants: the graph has no input {name!r}; {near(name, inputs)}")
        return Graph(file, graph, _opset(file, model), _makers(file, graph), initializers, constants, own)

    @property
    def arrays(self) -> Arrays:
        return Arrays(self.file)

    def inputs(self) -> Iterator[Any]:
        """The inputs that are no constants."""
        known = {*self.initializers, *self.constants}
        return (each for each in self.proto.input if each.name not in known)

    def spec(self, k: int) -> NodeSpec:
        """A node; FormatError if it is of another domain, or no operator of the model's opset."""
        node = self.proto.node[k]
        spec = NodeSpec(self.file, node, self.opset, self.arrays)
        if node.domain not in DOMAINS:
            raise spec.refusal(f"operators of the domain {node.domain!r} are not read; export the model without them")
        schema = _schema(str(node.op_type), self.opset)
        if schema is None or schema.deprecated:
            raise spec.refusal(f"the opset {self.opset} of the file has no such operator")
        return NodeSpec(self.file, node, int(schema.since_version), self.arrays)

    def wanted(self, outputs: Sequence[str] | None) -> list[str]:
        """The values that are to be outputs: those named, by their own name or by that of a node with one output."""
        if outputs is None:
            names = list(dict.fromkeys(each.name for each in self.proto.output))
            return _scores_alone([name for name in names if not name.endswith("lengths")]) if self.own else names
        nodes = {node.name: node.output[0] for node in self.proto.node if node.name and node.output}
        known = {*self.makers, *nodes}
        for name in outputs:
            if name not in known:
                raise FormatError(f"{self.file}: outputs: the graph has no value {name!r}; {near(name, known)}")
        return [name if name in self.makers else nodes[name] for name in outputs]

    def needed(self, names: Collection[str]) -> list[int]:
        """The numbers of the nodes that these values are made of, in order."""
        needed: set[int] = set()
        waiting = list(names)
        while waiting:
            k = self.makers.get(waiting.pop())
            if k is not None and k not in needed:
                needed.add(k)
                waiting += self.proto.node[k].input
        return sorted(needed)


def _scores_alone(names: Sequence[str]) -> list[str]:
    """Of the columns of each output of a network one, from which the others follow: probabilities, or else raw scores."""
    kinds = ("probability", "rawPrediction", "prediction")
    ends = {name: (kind, name.removeprefix(kind)) for name in names for kind in kinds if name.startswith(kind)}
    best = {end: min((kinds.index(kind) for kind, other in ends.values() if other == end)) for _, end in ends.values()}
    return [name for name in names if name not in ends or kinds.index(ends[name][0]) == best[ends[name][1]]]


def _opset(file: Path, model: Any) -> int:
    versions = [int(each.version) for each in model.opset_import if each.domain in DOMAINS]
    if len(set(versions)) != 1 or versions[0] < 1:
        raise FormatError(f"{file}: the model must say which opset of ONNX it uses, found {versions[:10] or 'none'}")
    newest = onnx("defs").onnx_opset_version()
    if versions[0] > newest:
        raise FormatError(
            f"{file}: the model uses opset {versions[0]}; the package onnx that is installed knows those up to {newest}"
        )
    return versions[0]


def _check_names(file: Path, graph: Any) -> None:
    """Refuse names that are no UTF-8, which protobuf gives as bytes."""
    values = (name for node in graph.node for name in (node.name, node.op_type, node.domain, *node.input, *node.output))
    for name in (*values, *(each.name for each in (*graph.input, *graph.output, *graph.initializer))):
        if not isinstance(name, str):
            raise FormatError(f"{file}: the name {name[:80]!r} is no text in UTF-8; the file is damaged")


def _makers(file: Path, graph: Any) -> dict[str, int]:
    """Value -> its node; each value is made once, and before it is read."""
    makers: dict[str, int] = {}
    known = {each.name for each in (*graph.input, *graph.initializer)}
    for k, node in enumerate(graph.node):
        for name in node.input:
            if name and name not in makers and name not in known:
                label = (node.name or node.op_type)[:80]
                raise FormatError(
                    f"{file}: node {label!r} reads {name[:80]!r}, which no earlier node makes; "
                    f"{near(name, [*known, *makers])}"
                )
        for name in filter(None, node.output):
            if name in makers or name in known:
                raise FormatError(f"{file}: the value {name[:80]!r} is made twice")
            makers[name] = k
    return makers


def _schema(op: str, opset: int) -> Any:
    defs = onnx("defs")
    try:
        return defs.get_schema(op, opset, "")
    except defs.SchemaError:
        return None
