"""Cuts a network into blocks (model parallel): each block holds a piece of every large layer, and collectives are
inserted between them.

A value of the whole network is in one of two states: every block holds it whole, or each holds some entries of its last
axis. Layers declare how they can be cut (Layer.cut_outputs, cut_inputs, cut_sum, cut_through). A layer that cannot be
cut, or is not worth it, runs whole in every block, on the same numbers. Two Dense layers in a row cost one exchange:
the first is cut by its outputs, the second by its inputs (Shoeybi et al., Megatron-LM, arXiv 1909.08053, section 3).
Cut scores stay cut if their loss can be computed from parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from spark_deepnet.layers._collectives import Copy, Gather, Reduce
from spark_deepnet.layers._split_loss import SplitLoss
from spark_deepnet.layers.layer import Layer, Part, Piece, Shape, Weight
from spark_deepnet.layers.output import Output
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.wires import unused

MIN_WEIGHTS = 1 << 12
"""A layer with fewer weights is not worth an exchange, and runs whole in every block. For a layer that can be cut
without an exchange, such as a convolution of the network's input, the limit is on the multiply-adds per row."""
LARGE_WEIGHTS = 1 << 20
"""A layer with at least this number of weights is cut to save memory, whatever the cost."""
MIN_PRODUCTS_PER_INPUT = 64
"""A layer is cut from this number of multiply-adds per number of its input on, though the blocks must then sum that
input's gradient: in one second a link carries 3e8 numbers and a core makes 5e10 multiply-adds, three for each of the
forward pass, so cutting pays from 55 on for many blocks, and from 111 on for two."""
MIN_CUT_SCORES = 256
"""From this number of scores per row, or per step of it, scores stay cut up to the loss; fewer are gathered, or
summed."""
Entries = tuple[np.ndarray, ...]
"""The entries of the last axis, by block."""
Cuts = tuple[list[Piece], Entries]
"""The pieces of all blocks, and the entries that they compute."""


@dataclass(frozen=True)
class CutNode(Node):
    """A block's piece of a node."""

    whole: dict[str, Weight] = field(default_factory=dict)
    """The weights of the uncut node."""
    own: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    """This block's entries of these weights."""

    def weights(self) -> dict[str, Weight]:
        return {name: self._weight(name, weight) for name, weight in super().weights().items()}

    def moves(self) -> bool:
        return any(weight.moves for weight in self.whole.values())

    def _weight(self, name: str, weight: Weight) -> Weight:
        whole = self.whole[name]
        if name not in self.own:
            return whole
        axes = {axis % len(whole.shape): entries for axis, entries in self.own[name].items()}
        part = Part(whole.shape, tuple(axes.get(axis) for axis in range(len(whole.shape))))
        return replace(whole, shape=weight.shape, part=part)


@dataclass(frozen=True)
class _Value:
    """A value of the whole network in this block: the node that holds it, its shape here, and, if it is cut, the
    entries of all blocks."""

    node: str
    shape: Shape
    entries: Entries | None = None


def cut(
    net: Net,
    block: int,
    blocks: int,
    least: int | None = None,
    remembers: bool = False,
    num_stats: Sequence[int | None] = (),
    ends: Sequence[str] | None = None,
    more: Sequence[Node] = (),
) -> Net:
    """The network of one block. All blocks have the same nodes in the same order. Layers with fewer weights than
    ``least`` (None: MIN_WEIGHTS) run whole. ``remembers``: whether some passes run without exchange. ``num_stats``: for
    each output, the numbers per row that blocks exchange if its scores stay cut; None: the scores are gathered, as all
    are without ``num_stats``. ``ends``, ``more``: as of ``Net.narrowed``; every block has the whole values of these nodes.
    The weights are cut in the same way in any case."""
    if blocks == 1:
        return net if ends is None else net.narrowed(ends, more)
    stats_by_name = {out.name: numbers for out, numbers in zip(net.outputs, num_stats, strict=False)}
    cutter = _Cutter(net, block, blocks, MIN_WEIGHTS if least is None else least, remembers, stats_by_name)
    return cutter.cut() if ends is None else cutter.narrowed(ends, more)


def cuts(net: Net, blocks: int) -> Iterator[Net]:
    """The networks of all blocks, one after another; their common parts are computed once."""
    common: dict[tuple[str, str], Cuts | None] = {}
    for block in range(blocks):
        yield net if blocks == 1 else _Cutter(net, block, blocks, MIN_WEIGHTS, False, {}, common).cut()


class _Cutter:
    def __init__(
        self,
        net: Net,
        block: int,
        blocks: int,
        least: int,
        remembers: bool,
        num_stats: Mapping[str, int | None],
        shared_cuts: dict[tuple[str, str], Cuts | None] | None = None,
    ) -> None:
        self.net, self.block, self.blocks, self.least, self.remembers = net, block, blocks, least, remembers
        self.num_stats = num_stats
        self.cuts = {} if shared_cuts is None else shared_cuts
        """For each node that is cut, and how it is, the pieces of all blocks."""
        self.nodes: list[Node] = []
        self.names = {*net.inputs, *(node.name for node in net.nodes)}
        self.values = {name: _Value(name, shape) for name, shape in net.inputs.items()}
        self.gathered: dict[str, _Value] = {}
        self.copied: dict[str, _Value] = {}
        self.given = set(net.inputs)
        """Values that depend on no weights, and so need no gradient."""
        users = Counter(node.owner for node in net.nodes if node.weights())
        self.tied = {name for name, count in users.items() if count > 1}
        self.ends = _ends(net)

    def cut(self) -> Net:
        for node in self.net.nodes:
            if not node.weights() and self.given.issuperset(node.inputs):
                self.given.add(node.name)
            self.values[node.name] = (
                self._marked(node) or self._through(node) or self._by_inputs(node) or self._of_whole(node)
            )
        for out in self.net.outputs:
            if not isinstance(out.layer, Output):
                self._scores(out, out.name)
        return Net(dict(self.net.inputs), tuple(self.nodes))

    def narrowed(self, ends: Sequence[str], more: Sequence[Node]) -> Net:
        """The network that ends in the whole values of these nodes."""
        self.cut()
        for node in more:
            self.values[node.name] = self._run(node, Piece(node.layer), [self._gathered(name) for name in node.inputs])
        whole = [self._gathered(name).node for name in ends]
        return Net(dict(self.net.inputs), tuple(self.nodes)).narrowed(whole)

    def _marked(self, node: Node) -> _Value | None:
        """The value that an Output marks."""
        if not isinstance(node.layer, Output):
            return None
        value = self._scores(node, node.inputs[0])
        return self._run(node, Piece(node.layer), [value], value.entries)

    def _scores(self, out: Node, name: str) -> _Value:
        """The value for the output's loss: cut, or whole."""
        value, numbers = self.values[name], self.num_stats.get(out.name)
        if value.entries is None or numbers is None or not self._wide(out):
            return self._gathered(name)
        split_loss = SplitLoss(self.remembers, self.block, value.entries, numbers)
        return replace(self._collective(f"{out.name}/stats", split_loss, value), entries=value.entries)

    def _wide(self, node: Node) -> bool:
        """Whether it has enough scores for these to stay cut."""
        return node.shape[-1] >= MIN_CUT_SCORES or not self.least

    def _through(self, node: Node) -> _Value | None:
        """Cut a layer whose inputs are all cut and that needs only their entries."""
        values = [self.values[name] for name in node.inputs]
        known = [value.entries for value in values if value.entries is not None]
        if len(known) < len(values) or node.owner in self.tied:
            return None
        key = node.name, "through"
        if key not in self.cuts:
            each = [entries if node.layer.multi_input else entries[0] for entries in zip(*known, strict=True)]
            self.cuts[key] = _of_all(node.layer.cut_through(node.x, entries) for entries in each)
        cuts = self.cuts[key]
        return None if cuts is None else self._run(node, cuts[0][self.block], values, cuts[1])

    def _by_inputs(self, node: Node) -> _Value | None:
        """Cut a layer whose input is cut and that computes a part of its sum from some entries."""
        value = self.values[node.inputs[0]]
        if value.entries is None or node.owner in self.tied or node.layer.multi_input or self._ends_wide(node):
            return None
        piece = node.layer.cut_inputs(node.x, value.entries[self.block], self.block == 0)
        return None if piece is None else self._reduced(node, self._run(node, piece, [value]))

    def _ends_wide(self, node: Node) -> bool:
        """Whether its outputs, if cut, stay cut up to the loss, and are too many to be summed: each number of the
        input, which is then gathered and whose gradient is summed, takes 3 (m - 1) / m numbers, each number of a sum 2
        (m - 1) / m."""
        return node.name in self.ends and self._wide(node) and 2 * prod(node.shape) > 3 * prod(node.x)

    def _of_whole(self, node: Node) -> _Value:
        whole = [self._gathered(name) for name in node.inputs]
        if not self._worth(node):
            return self._run(node, Piece(node.layer), whole)
        return (
            self._by_outputs(node, whole[0])
            or self._by_sum(node, whole[0])
            or self._run(node, Piece(node.layer), whole)
        )

    def _worth(self, node: Node) -> bool:
        """Whether a layer that reads the whole value should be cut."""
        size = sum(prod(w.shape) for w in node.weights().values())
        if node.owner in self.tied or node.layer.multi_input or not size:
            return False
        products = node.layer.multiply_adds(node.x)
        if size < self.least:
            return products >= self.least and self._free(node)
        pays = node.inputs[0] in self.given or products >= MIN_PRODUCTS_PER_INPUT * prod(node.x)
        return pays or size >= LARGE_WEIGHTS or not self.least

    def _free(self, node: Node) -> bool:
        """Whether it can be cut by its outputs without any exchange."""
        if node.inputs[0] not in self.given or not node.shape or node.shape[-1] < self.blocks:
            return False
        cut = node.layer.cut_outputs(node.x, self.block, self.blocks)
        return cut is not None and not cut[0].layer.exchanges(node.x)

    def _by_outputs(self, node: Node, whole: _Value) -> _Value | None:
        if not node.shape or node.shape[-1] < self.blocks:
            return None
        key = node.name, "outputs"
        if key not in self.cuts:
            pieces = (node.layer.cut_outputs(node.x, block, self.blocks) for block in range(self.blocks))
            self.cuts[key] = _of_all(pieces)
        cuts = self.cuts[key]
        return None if cuts is None else self._run(node, cuts[0][self.block], [self._copied(whole)], cuts[1])

    def _by_sum(self, node: Node, whole: _Value) -> _Value | None:
        piece = node.layer.cut_sum(node.x, self.block, self.blocks)
        return None if piece is None else self._reduced(node, self._run(node, piece, [self._copied(whole)]))

    def _run(self, node: Node, piece: Piece, values: list[_Value], entries: Entries | None = None) -> _Value:
        """Add the block's node for a node of the network, with the same name."""
        shapes = tuple(v.shape for v in values)
        shape = tuple(piece.layer.shape(shapes if piece.layer.multi_input else shapes[0]))
        names = tuple(v.node for v in values)
        self.nodes.append(CutNode(node.name, piece.layer, names, shapes, shape, node.weights(), piece.weights))
        return _Value(node.name, shape, entries)

    def _reduced(self, node: Node, part: _Value) -> _Value:
        return self._collective(f"{node.name}/reduce", Reduce(self.remembers), part)

    def _gathered(self, name: str) -> _Value:
        """The whole value."""
        value = self.values[name]
        if value.entries is None:
            return value
        if name not in self.gathered:
            self.gathered[name] = self._collective(
                f"{name}/gather", Gather(self.remembers, self.block, value.entries), value
            )
        return self.gathered[name]

    def _copied(self, whole: _Value) -> _Value:
        """The whole value for readers that use it in parts; without weights before it there is no gradient to sum."""
        if whole.node in self.given:
            return whole
        if whole.node not in self.copied:
            self.copied[whole.node] = self._collective(f"{whole.node}/copy", Copy(self.remembers), whole)
        return self.copied[whole.node]

    def _collective(self, name: str, layer: Layer, value: _Value) -> _Value:
        shape, name = tuple(layer.shape(value.shape)), unused(name, self.names)
        self.names.add(name)
        self.nodes.append(Node(name, layer, (value.node,), (value.shape,), shape))
        return _Value(name, shape)


def _ends(net: Net) -> set[str]:
    """The nodes whose entries, if cut, reach a loss unchanged, and nothing else."""
    nodes, readers = {node.name: node for node in net.nodes}, Counter(name for n in net.nodes for name in n.inputs)
    ends: set[str] = set()
    for top in net.tops:
        node: Node | None = top
        while node is not None and readers[node.name] <= 1:
            ends.add(node.name)
            node = nodes.get(node.inputs[0]) if node.layer.channelwise and not node.layer.multi_input else None
    return ends


def _of_all(cuts: Iterable[tuple[Piece, np.ndarray] | None]) -> Cuts | None:
    """The pieces and the entries of all blocks, if every block has them."""
    pieces = list(cuts)
    known = [cut for cut in pieces if cut is not None]
    if len(known) < len(pieces):
        return None
    return [piece for piece, _ in known], tuple(entries for _, entries in known)
