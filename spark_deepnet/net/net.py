"""A network: layers as named nodes, the names of what each reads, and the shapes that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spark_deepnet.errors import NetworkError, near
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer, Shape, Weight

INPUT = "features"


@dataclass(frozen=True)
class Node:
    """One layer at its place: its name, what it reads, and the shapes on both sides."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape

    @property
    def x(self) -> Any:
        """The input's shape as the layer wants it: one shape, or a tuple of them where it joins several."""
        return self.input_shapes if self.layer.many else self.input_shapes[0]

    def weights(self) -> dict[str, Weight]:
        return self.layer.weights(self.x)

    @property
    def owner(self) -> str:
        """The node whose weights it uses: itself, or the one that it shares with."""
        return self.layer.share or self.name


@dataclass(frozen=True)
class Net:
    """Nodes in an order in which each reads only inputs of the network and nodes before it."""

    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]

    @staticmethod
    def of(layers: Sequence[Any], inputs: Mapping[str, Shape]) -> Net:
        """A network from layers (objects, names or JSON) in a row; a layer with ``inputs`` reads the nodes of those
        names instead of the one before it, which makes a graph."""
        if not layers:
            raise NetworkError("layers: the list is empty; give at least one layer, as in [Dense(10)]")
        builder = _Builder(dict(inputs))
        for layer in map(Layer.of, layers):
            if isinstance(layer, Input):
                builder.read(layer)
            else:
                builder.add(layer)
        return Net(dict(inputs), tuple(builder.nodes)).checked()

    def checked(self) -> Net:
        if len(self.outputs) > 1:
            raise NetworkError(
                f"layers: {' and '.join(map(repr, self.outputs))} are read by no layer, but a network has one output; "
                f"join them, or leave one out"
            )
        return self

    @property
    def outputs(self) -> list[str]:
        """The nodes that nobody reads."""
        read = {name for node in self.nodes for name in node.inputs}
        return [node.name for node in self.nodes if node.name not in read]

    @property
    def shape(self) -> Shape:
        """The output's shape, without the rows."""
        return self.nodes[-1].shape

    def resized(self, inputs: Mapping[str, Shape]) -> Net:
        """The same nodes over inputs of other shapes, such as shorter sequences."""
        shapes = dict(inputs)
        nodes = []
        for node in self.nodes:
            found = tuple(shapes[name] for name in node.inputs)
            shapes[node.name] = tuple(node.layer.shape(found if node.layer.many else found[0]))
            nodes.append(replace(node, input_shapes=found, shape=shapes[node.name]))
        return Net(dict(inputs), tuple(nodes))

    def summary(self) -> str:
        """A table of the nodes: shapes, parameters, multiply-adds and memory."""
        from spark_deepnet.net.summary import summary

        return summary(self)

    def plot(self) -> str:
        """The graph in Graphviz's language, for ``dot -Tpng`` or a notebook."""
        from spark_deepnet.net.summary import plot

        return plot(self)

    def without_top(self, kind: str | None) -> Net:
        """The network without its last node where that is a layer of the kind given: what a loss with that link sees."""
        top = self.nodes[-1]
        if kind is None or top.layer.kind != kind or len(self.nodes) == 1:
            return self
        return replace(self, nodes=self.nodes[:-1])


class _Builder:
    """Nodes one after another: names them, splits off activations, finds their inputs, asks for their shapes."""

    def __init__(self, inputs: dict[str, Shape]) -> None:
        self.shapes: dict[str, Shape] = dict(inputs)
        self.last = next(iter(inputs))
        self.alias: dict[str, str] = {}  # a layer's name -> the node that ends its work: its activation
        self.nodes: list[Node] = []

    def read(self, layer: Input) -> None:
        """Go on from an input, which whoever gives the inputs has read from the layer."""
        self.last = layer.name or INPUT
        if self.last not in self.shapes:
            raise NetworkError(f"layer {layer!r} is no input of the network; {near(self.last, self.shapes)}")

    def add(self, layer: Layer) -> None:
        name = self.name(layer)
        self.last_before = self.last
        for i, part in enumerate(layer.parts()):
            part_name = name if i == 0 else f"{name}/{part.kind}"
            sources = self.sources(layer, name) if i == 0 else (self.last,)
            self.nodes.append(self.node(part_name, part, sources))
            self.shapes[part_name] = self.nodes[-1].shape
            self.last = part_name
        self.alias[name] = self.last

    def name(self, layer: Layer) -> str:
        taken = set(self.shapes) | set(self.alias)
        if layer.name is not None:
            if not layer.name or layer.name in taken or "/" in layer.name:
                raise NetworkError(f"layer {layer!r}: its name must be new and without '/', found {layer.name!r}")
            return layer.name
        names = (layer.kind if i == 1 else f"{layer.kind}_{i}" for i in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    def sources(self, layer: Layer, name: str) -> tuple[str, ...]:
        told = (layer.inputs,) if isinstance(layer.inputs, str) else layer.inputs
        found = tuple(self.alias.get(s, s) for s in told or (self.last_before,))
        for source in found:
            if source not in self.shapes:
                raise NetworkError(
                    f"layer {name!r} reads {source!r}, which is no layer before it; {near(source, self.shapes)}"
                )
        if not layer.many and len(found) != 1:
            raise NetworkError(f"layer {name!r} ({layer.kind}) reads one layer, found {len(found)}: {found}")
        return found

    def node(self, name: str, layer: Layer, sources: tuple[str, ...]) -> Node:
        shapes = tuple(self.shapes[s] for s in sources)
        try:
            shape = layer.shape(shapes if layer.many else shapes[0])
        except NetworkError as error:
            raise NetworkError(f"layer {name!r}, after {' and '.join(map(repr, sources))}: {error}") from None
        node = Node(name, layer, sources, shapes, tuple(shape))
        if layer.share is not None:
            self.check_share(node)
        return node

    def check_share(self, node: Node) -> None:
        """Refuse a sharer whose weights are not those of an earlier layer that has its own."""
        owners = {n.name: n for n in self.nodes if n.layer.share is None and n.weights()}
        if node.owner not in owners:
            raise NetworkError(
                f"layer {node.name!r} shares the weights of {node.owner!r}, which is no layer before it with weights of "
                f"its own; {near(node.owner, owners)}"
            )
        own, others = ({k: w.shape for k, w in n.weights().items()} for n in (node, owners[node.owner]))
        if own != others:
            raise NetworkError(
                f"layer {node.name!r} needs weights {own}, but {node.owner!r}, which it shares, has {others}"
            )


def perceptron(sizes: Sequence[int], top: str | None = "softmax") -> list[Layer]:
    """MLlib's multilayer perceptron: sigmoid layers of the sizes after the first, softmax (or another) on top."""
    dense: Any = Layer.named("dense")
    hidden = [dense(units, activation="sigmoid") for units in sizes[1:-1]]
    return [*hidden, dense(sizes[-1], activation=top)]
