"""A network: layers as named nodes, the names of their inputs, and the inferred shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from spark_deepnet.errors import NetworkError, near
from spark_deepnet.layers._axis import runs_along_scores
from spark_deepnet.layers._factors import check_factors, check_values
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.output import Output
from spark_deepnet.net.handles import layers_of
from spark_deepnet.net.html import html_table
from spark_deepnet.net.node import Node
from spark_deepnet.net.picture import picture
from spark_deepnet.net.summary import HEAD, graphviz, table, table_rows
from spark_deepnet.net.weights import Layout
from spark_deepnet.net.wires import INPUT as INPUT
from spark_deepnet.net.wires import Wire, wired


@dataclass(frozen=True)
class Net:
    """Nodes in an order in which each reads only inputs of the network and earlier nodes."""

    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    ends: tuple[str, ...] | None = None
    """The nodes whose values are wanted; None: those of Output layers, or the last."""

    @staticmethod
    def of(layers: Any, inputs: Mapping[str, Shape]) -> Net:
        """A network from a list of layers (objects, names or JSON); a layer with ``inputs`` reads the nodes of these
        names instead of the one before it, which makes a graph. Or from the handle of its output, or several
        handles."""
        shapes: dict[str, Shape] = dict(inputs)
        nodes: dict[str, Node] = {}
        for wire in wired(layers_of(layers), inputs):
            nodes[wire.name] = _node(wire, shapes, nodes)
            shapes[wire.name] = nodes[wire.name].shape
        return Net(dict(inputs), tuple(nodes.values()))

    @cached_property
    def layout(self) -> Layout:
        """Where its weights lie in one flat vector."""
        return Layout(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "nodes": self.nodes, "ends": self.ends}  # the layout follows from them

    @property
    def outputs(self) -> tuple[Node, ...]:
        """The nodes in ``ends``; without these those of Output layers, or the last node if there are none."""
        if self.ends is not None:
            nodes = {node.name: node for node in self.nodes}
            return tuple(nodes[name] for name in self.ends)
        return tuple(node for node in self.nodes if isinstance(node.layer, Output)) or self.nodes[-1:]

    @property
    def tops(self) -> tuple[Node, ...]:
        """For each output the node that computes its scores: the node that an Output marks, or the output itself."""
        nodes = {node.name: node for node in self.nodes}
        return tuple(nodes[out.inputs[0]] if isinstance(out.layer, Output) else out for out in self.outputs)

    @property
    def shape(self) -> Shape:
        """The first output's shape, without the axis of rows."""
        return self.outputs[0].shape

    def resized(self, inputs: Mapping[str, Shape]) -> Net:
        """The same nodes over inputs of other shapes, such as shorter sequences."""
        shapes = dict(inputs)
        nodes = []
        for node in self.nodes:
            input_shapes = tuple(shapes[name] for name in node.inputs)
            shapes[node.name] = tuple(node.layer.shape(input_shapes if node.layer.multi_input else input_shapes[0]))
            nodes.append(replace(node, input_shapes=input_shapes, shape=shapes[node.name]))
        return replace(self, inputs=dict(inputs), nodes=tuple(nodes))

    def narrowed(self, ends: Sequence[str], more: Sequence[Node] = ()) -> Net:
        """The network that computes the values of these nodes and nothing else: of its nodes, and of ``more`` behind
        them, those that the ends need, and the inputs that these read."""
        needed, left = set(ends), []
        for node in reversed((*self.nodes, *more)):
            if node.name in needed:
                needed.update(node.inputs)
                left.append(node)
        inputs = {name: shape for name, shape in self.inputs.items() if name in needed}
        return Net(inputs, tuple(reversed(left)), tuple(ends))

    def summary(self) -> str:
        """A table of the nodes: shapes, parameters, multiply-adds and memory."""
        return table(self.nodes)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        """The same table in a notebook."""
        return html_table(HEAD, table_rows(self.nodes))

    def plot(self) -> str:
        """The graph in Graphviz's language, for ``dot -Tpng`` or a notebook."""
        return graphviz(self.inputs, self.nodes)

    def draw(self, ax: Any = None) -> Any:
        """Draw the graph with matplotlib, onto ax or a new figure's; returns the Axes."""
        return picture(self.inputs, self.nodes, ax)

    def without_links(self, links: Sequence[str | None]) -> Net:
        """The network for losses with these links, one per output: an output whose top is a layer of its link's kind
        gives that layer's input, and a top that no node reads any more is removed."""
        nodes = {node.name: node for node in self.nodes}
        bare = {
            out.name: top
            for out, top, link in zip(self.outputs, self.tops, links, strict=True)
            if top.layer.kind == link and top.inputs[0] in nodes and runs_along_scores(top.layer, top.shape)
        }
        moved = [
            replace(node, inputs=bare[node.name].inputs)
            if isinstance(node.layer, Output) and node.name in bare
            else node
            for node in self.nodes
        ]
        left = {top.name for top in bare.values()} - {name for node in moved for name in node.inputs}
        return replace(self, nodes=tuple(node for node in moved if node.name not in left))


def _node(wire: Wire, known: Mapping[str, Shape], nodes: Mapping[str, Node]) -> Node:
    """The node of a layer after these nodes, over inputs of known shapes."""
    layer, sources = wire.layer, wire.inputs
    check_values(layer)
    shapes = tuple(known[s] for s in sources)
    try:
        shape = layer.shape(shapes if layer.multi_input else shapes[0])
    except NetworkError as error:
        raise NetworkError(f"layer {wire.name!r}, after {' and '.join(map(repr, sources))}: {error}") from None
    node = Node(wire.name, layer, sources, shapes, tuple(shape))
    check_factors(layer, layer.weights(node.x))
    if layer.share is not None:
        _check_share(node, nodes)
    return node


def _check_share(node: Node, nodes: Mapping[str, Node]) -> None:
    """Refuse shared weights unless they are those of an earlier layer with its own weights."""
    if not _owns(nodes.get(node.owner)):
        raise NetworkError(
            f"layer {node.name!r} shares the weights of {node.owner!r}, which is not an earlier layer with its "
            f"own weights; {near(node.owner, [name for name, n in nodes.items() if _owns(n)])}"
        )
    own, others = ({k: w.shape for k, w in n.weights().items()} for n in (node, nodes[node.owner]))
    if own != others:
        raise NetworkError(
            f"layer {node.name!r} needs weights {own}, but {node.owner!r}, which it shares, has {others}"
        )


def _owns(node: Node | None) -> bool:
    """Whether the node has its own weights."""
    return node is not None and node.layer.share is None and bool(node.weights())


def perceptron(sizes: Sequence[int], top: str | None = "softmax") -> list[Layer]:
    """MLlib's multilayer perceptron: sigmoid layers of the sizes after the first, softmax (or another) on top."""
    dense: Any = Layer.named("dense")
    hidden = [dense(units, activation="sigmoid") for units in sizes[1:-1]]
    return [*hidden, dense(sizes[-1], activation=top)]
