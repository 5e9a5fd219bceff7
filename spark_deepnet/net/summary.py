"""A network as a table and as a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.node import Node

_LINE = "{:<{wide}} {:<18} {:>12} {:>14} {:>10}  {}"
HEAD = ("name (kind)", "shape", "parameters", "multiply-adds", "bytes/row", "reads")
MIN_NAME_WIDTH = 28


def table(nodes: Sequence[Node]) -> str:
    """A table: each node's name, kind, shape, parameters, multiply-adds of one row's forward pass, bytes of its values
    for one row, and what it reads; then their sums."""
    wide = name_width(f"{n.name} ({n.layer.kind})" for n in nodes)
    return "\n".join(_LINE.format(*cells, wide=wide).rstrip() for cells in (HEAD, *table_rows(nodes)))


def table_rows(nodes: Sequence[Node]) -> Iterator[tuple[str, ...]]:
    """The table's lines under its head."""
    counts = [(parameters(n), n.layer.multiply_adds(n.x), 4 * prod(n.shape)) for n in nodes]
    for node, numbers in zip(nodes, counts, strict=True):
        shown = (f"{number:,}" for number in numbers)
        yield f"{node.name} ({node.layer.kind})", str(node.shape), *shown, ", ".join(node.inputs)
    sums = [sum(column) for column in zip(*counts, strict=True)]
    yield "in all", "", *(f"{number:,}" for number in sums), f"{4 * sums[0] / 2**20:.2f} MiB of weights"


def name_width(names: Iterable[str]) -> int:
    """The width of a table's column of names."""
    return max(MIN_NAME_WIDTH, *map(len, names))


def parameters(node: Node) -> int:
    """The number of a node's own weights."""
    return sum(prod(weight.shape) for weight in node.weights().values()) if node.layer.share is None else 0


def graphviz(inputs: Mapping[str, Shape], nodes: Sequence[Node]) -> str:
    """The graph in Graphviz's language: ``dot -Tpng`` draws it."""
    lines = ["digraph network {", "  node [shape=box, fontname=Helvetica];"]
    inputs = {_escaped(name): shape for name, shape in inputs.items()}
    lines += [f'  "{name}" [label="{name}\\n{shape}", shape=ellipse];' for name, shape in inputs.items()]
    for node in nodes:
        name = _escaped(node.name)
        lines.append(f'  "{name}" [label="{_escaped(repr(node.layer))}\\n{node.shape}"];')
        lines += [f'  "{_escaped(source)}" -> "{name}";' for source in node.inputs]
    return "\n".join([*lines, "}"])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
