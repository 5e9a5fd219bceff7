"""Predicts the memory of a rank: that of a network's nodes, and that of its rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from spark_deepnet.data.schema import SPARSE_ENTRIES, STEPS, Columns, Source, Target
from spark_deepnet.layers.layer import Shape
from spark_deepnet.net.buffers import FLOAT_BYTES, buffer_bytes
from spark_deepnet.net.seen import sparse_readers
from spark_deepnet.net.summary import parameters
from spark_deepnet.plan.plan import Recipe

WEIGHT_BYTES = 8
"""Bytes of a row's weight."""
START_BYTES = 8
"""Bytes of a sequence's start among the others."""
ROW_KEY_BYTES = 16
"""Bytes of a row's hash and its numbers in two orders."""
INPUT_KIND = "input"


@dataclass(frozen=True)
class NodeCost:
    """The cost of one node, or one input, of the network."""

    name: str
    kind: str
    shape: Shape
    parameters: int
    multiply_adds: int
    """Of one row's forward pass, in matrix products; the backward pass takes twice as many."""
    weight_bytes: int
    """Of its weights, their gradients, the optimizer's vectors, the best weights if there are validation rows, and the two
    vectors of an outer step."""
    row_bytes: int
    """Bytes per row of a step: its values, their gradients and what it keeps for backward. A buffer that nodes share
    counts with the first of them."""


@dataclass(frozen=True)
class Memory:
    """Bytes of a rank's arrays. Not included are its rows, what layers allocate within a pass, second gradients of
    weights that layers share, the exchange's 256 KiB, Python and Spark."""

    weights: int
    gradients: int
    vectors: int
    """The optimizer's, and two where averages have momentum of their own."""
    best: int
    """The best epoch's weights, if there are validation rows."""
    activations: int
    """Everything that grows with the rows of a step."""
    rows: int
    """Number of rows: the maximum of a step, or of rows validated at once."""

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.vectors + self.best + self.activations


def memory(recipe: Recipe, rows: int, blocks: int = 1, sparse: Collection[str] = ()) -> Memory:
    """The memory of a rank whose steps have up to ``rows`` rows, and that holds the first of ``blocks`` blocks, which
    is the largest. sparse: inputs whose rows are sparse, and stay so in a batch."""
    net = recipe.block_net(0, blocks)
    size = FLOAT_BYTES * net.layout.size
    vectors = vectors_of(recipe) * size
    return Memory(size, size, vectors, size * recipe.validated, rows * sum(buffer_bytes(net, sparse).values()), rows)


def vectors_of(recipe: Recipe) -> int:
    """The number of flat vectors that a rank keeps beside weights and gradients: the optimizer's, and those of an outer
    step, its momentum and the last weights."""
    return len(recipe.optimizer.vectors) + 2 * recipe.outer_steps


def nodes(recipe: Recipe, sparse: Collection[str] = ()) -> tuple[NodeCost, ...]:
    """The costs of inputs and nodes of the network that computes the scores, in order."""
    net = recipe.scores_net()
    copies = 2 + vectors_of(recipe) + recipe.validated
    rows = buffer_bytes(net, sparse)
    costs = [NodeCost(name, INPUT_KIND, shape, 0, 0, 0, rows[name]) for name, shape in net.inputs.items()]
    for node in net.nodes:
        count, products = parameters(node), node.layer.multiply_adds(node.x)
        weights = FLOAT_BYTES * count * copies
        costs.append(NodeCost(node.name, node.layer.kind, node.shape, count, products, weights, rows[node.name]))
    return tuple(costs)


def taken_sparse(recipe: Recipe, columns: Columns) -> list[str]:
    """The inputs that are assumed to be fed as sparse rows, before any row is read."""
    readers = sparse_readers(recipe.scores_net())
    return [source.input for source in columns.sources if source.wide and source.input in readers]


def row_bytes(columns: Columns) -> int:
    """Bytes of one row that a rank keeps: features as dense vectors (wide ones as sparse) or the longest sequences,
    targets, weight, validation mark, hash and row numbers."""
    targets = sum(_target_bytes(target, columns.sources[0].shape[0]) for target in columns.targets)
    return sum(map(_source_bytes, columns.sources)) + targets + WEIGHT_BYTES + 1 + ROW_KEY_BYTES


def _target_bytes(target: Target, steps: int) -> int:
    numbers = target.dtype.itemsize * max(1, target.labels)
    return numbers * steps + START_BYTES if target.steps else numbers


def _source_bytes(source: Source) -> int:
    if source.wide:
        return 2 * FLOAT_BYTES * SPARSE_ENTRIES + START_BYTES
    return np.dtype(source.held_as).itemsize * source.width + (START_BYTES if source.kind == STEPS else 0)
