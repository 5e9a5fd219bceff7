"""Reads an ONNX model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, ParamError
from spark_deepnet.formats.arguments import mapping_of, names_of, path_of
from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.formats.onnx import fold_numbers, fold_shapes
from spark_deepnet.formats.onnx.folding import folded
from spark_deepnet.formats.onnx.foreign_graph import Graph
from spark_deepnet.formats.onnx.inputs import Given, added, input_of
from spark_deepnet.formats.onnx.model_file import read_model
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.outputs import marked
from spark_deepnet.formats.onnx.reading import Reading
from spark_deepnet.formats.onnx.registry import REFUSED, operator
from spark_deepnet.formats.onnx.sequences import LENGTHS, Sequences
from spark_deepnet.formats.onnx.values import Const, Operand, Table, Tensor
from spark_deepnet.formats.rewrites import Rewritten, rewritten
from spark_deepnet.layers.input import ANY_LENGTH, Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import Net

FOLDS = (fold_numbers, fold_shapes)
"""Modules that register how constants are computed."""


def read(
    path: str | os.PathLike[str],
    input_shape: Given = None,
    constants: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    vectors: bool = False,
    rewrites: bool = True,
) -> Foreign:
    """The network of an ONNX file, with its weights.

    input_shape: of a row as the network takes it, an image being (height, width, channels), where the file does not say;
    by name if there are several inputs. constants: arrays for inputs of the graph. outputs: names of values or nodes, the
    graph's own outputs if None; what they do not need is not looked at. vectors: whether outputs of several axes become
    vectors in the file's order. rewrites: whether Permutes are removed where nothing changes.

    FormatError, with file, node and operator, for whatever cannot be read.
    """
    wanted = None if outputs is None else names_of(outputs, "outputs")
    graph = Graph.of(Path(path_of(path, "an ONNX model")), read_model(path), _bound(constants))
    converter = _Converter(graph, wanted is None)
    return converter.foreign(graph.wanted(wanted), input_shape, vectors, rewrites)


def _bound(constants: Any) -> dict[str, np.ndarray]:
    given = mapping_of(constants, "constants", "a mapping from inputs of the graph to arrays")
    try:
        return {name: np.asarray(array) for name, array in given.items()}
    except (ValueError, TypeError) as error:
        raise ParamError(f"constants must be arrays of numbers: {error}") from None


class _Converter:
    """Turns the nodes that are needed into layers, one after another."""

    def __init__(self, graph: Graph, whole: bool) -> None:
        """whole: whether the outputs are those of the graph."""
        self.graph, self.reading, self.whole = graph, Reading(), whole
        self.values: dict[str, Operand] = {name: Const.of(array) for name, array in graph.constants.items()}

    def foreign(self, outputs: Sequence[str], given: Given, vectors: bool, rewrites: bool) -> Foreign:
        if not outputs:
            raise FormatError(f"{self.graph.file}: the graph has no outputs; expected at least one, or outputs=")
        needed = self.graph.needed(outputs)
        nodes = [self.graph.proto.node[k] for k in needed]
        self._inputs({*outputs, *(name for node in nodes for name in node.input)}, given)
        used = {*outputs, *(name for node in nodes for name in node.input)}
        for k in needed:
            self._node(k, used)
        outputs = [name for name in outputs if not isinstance(self.values.get(name), Table)]
        tops = [self._top(name) for name in outputs]
        loss = marked(self.reading, outputs, tops, vectors and not self._ends())
        ends = [Value(name, (prod(value.shape),)) for name, value in zip(outputs, tops, strict=True)]
        return self._finished(loss, rewrites, ends)

    def _inputs(self, read: set[str], given: Given) -> None:
        sequences = self.reading.sequences = Sequences.of(self.graph)
        tables = sequences.tables(self.graph)
        self.values.update(tables)
        protos = [each for each in self.graph.inputs() if each.name in read and each.name not in tables]
        if not protos:
            raise FormatError(f"{self.graph.file}: the outputs do not depend on an input of the graph")
        if isinstance(given, Mapping):
            self._check_names(given, [each.name for each in protos])
        for proto in protos:
            shape = input_of(self.graph, proto, given, len(protos))
            self.reading.batch = self.reading.batch or shape.batch
            self.values[proto.name] = added(self.reading, shape, len(protos) == 1)

    def _check_names(self, given: Mapping[str, Any], names: Sequence[str]) -> None:
        for name in given:
            if name not in names:
                raise FormatError(f"{self.graph.file}: inputShape: there is no input {name!r}; inputs are {names}")

    def _node(self, k: int, read: set[str]) -> None:
        spec = self.graph.spec(k)
        if spec.op not in REFUSED:
            spec.check()
        inputs = [self._operand(name) for name in spec.proto.input]
        used = {j for j, name in enumerate(spec.proto.output) if name in read}
        node = Node(self.reading, spec, inputs, used)
        results = folded(node) or operator(spec).results(node)
        self.values.update({name: value for name, value in zip(spec.proto.output, results, strict=False) if name})

    def _operand(self, name: str) -> Operand:
        if name in self.graph.initializers and name not in self.values:
            self.values[name] = Const.of(self.graph.arrays.array(self.graph.initializers[name]))
        if name and name not in self.values:
            raise FormatError(f"{self.graph.file}: the value {name[:80]!r} is an output that is not computed here")
        return self.values[name] if name else None

    def _top(self, name: str) -> Value:
        value = self._operand(name)
        if not isinstance(value, Tensor):
            raise FormatError(f"{self.graph.file}: the output {name[:80]!r} is a constant; give outputs= without it")
        return value.value

    def _finished(self, loss: Loss | None, rewrites: bool, ends: Sequence[Value]) -> Foreign:
        """ends: the outputs as vectors, by their names."""
        assembly = self.reading.assembly
        keep = [assembly.layers[-1].name or ""] if loss is not None else []
        result = rewritten(assembly.layers, assembly.inputs, keep, rewrites)
        present = {layer.name for layer in result.layers}
        names = {name: x.value for name, x in self.values.items() if isinstance(x, Tensor)}
        names = {name: replace(value, node=result.node(value.node)) for name, value in names.items()}
        names = {name: value for name, value in names.items() if value.node in present}
        names |= {end.node: replace(end, node=keep[0]) for end in ends if keep and end.node not in names}
        weights = {key: _ordered(result, key, array) for key, array in self.reading.weights.items()}
        weights = {key: array for key, array in weights.items() if key.rpartition("/")[0] in present}
        layers, sequences = result.layers, self.reading.sequences
        if sequences.inputs:
            alias = {name: result.node(name) for name in result.alias}
            layers = sequences.settled([*self._sized(layers)], assembly.inputs, alias)
            given = self._ends() if self.whole else None
            sequences.check(self.graph.file, Net.of(layers, assembly.inputs), alias, given)
        return Foreign(tuple(layers), assembly.inputs, weights, loss, names, result.flat_images)

    def _sized(self, layers: Sequence[Layer]) -> Iterator[Layer]:
        """Inputs of sequences are of any length."""
        for layer in layers:
            if isinstance(layer, Input) and layer.name in self.reading.sequences.inputs and layer.sizes:
                yield replace(layer, sizes=(ANY_LENGTH, *layer.sizes[1:]))
            else:
                yield layer

    def _ends(self) -> list[np.ndarray]:
        """The lengths that are outputs of the file; none in files of others."""
        if not self.reading.sequences.inputs:
            return []
        every = [each.name for each in self.graph.proto.output if each.name.endswith(LENGTHS)]
        for k in self.graph.needed(every):
            self._node(k, set(every))
        return [ends.array for name in every if isinstance(ends := self.values.get(name), Table)]


def _ordered(result: Rewritten, key: str, array: np.ndarray) -> np.ndarray:
    """A weight, its rows in the order of what is held."""
    node, _, own = key.rpartition("/")
    if own == "W" and node in result.rows:
        return np.ascontiguousarray(result.reordered(node, array))
    return array
