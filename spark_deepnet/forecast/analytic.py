"""Estimates the cost of a step from the network alone: nothing is timed, so the same fit always has the same
estimate."""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from spark_deepnet.data.schema import SPARSE_ENTRIES
from spark_deepnet.forecast.cost import Compute, Costs, Link
from spark_deepnet.forecast.traffic import DOUBLE_BYTES, FLOAT_BYTES, BlockTraffic
from spark_deepnet.kernels.memory import padded
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node
from spark_deepnet.plan.plan import Recipe

MULTIPLY_ADDS_PER_SECOND = 5e10
"""Multiply-adds per second of one core, as measured in networks of all kinds; forward and backward together take three
times those of forward."""
MEMORY_BYTES_PER_SECOND = 1e10
"""Bytes per second that one core reads or writes in an update."""


def estimate(recipe: Recipe, blocks: int, link: Link, sparse: Collection[str] = ()) -> Costs:
    """The costs of replicas of ``blocks`` blocks. sparse: inputs whose rows are assumed to be sparse."""
    net = recipe.block_net(0, blocks)
    size = FLOAT_BYTES * net.layout.size
    vectors = len(recipe.optimizer.vectors)
    measures = FLOAT_BYTES * padded(2 + 2 * len(recipe.heads()))
    averaged = 1 + (vectors if recipe.sync_state == "average" else 0)
    averaged_measures = DOUBLE_BYTES * (2 + 3 * len(recipe.heads()))
    block_traffic = BlockTraffic.of(recipe, net, blocks)
    compute = _compute(2 * (2 + vectors) * size, _multiply_adds(net, sparse))
    return Costs(
        recipe.batch_size, compute, link, (size + measures,), (averaged_measures, *[size] * averaged), block_traffic
    )


def _compute(moved: int, multiply_adds: float) -> Compute:
    """A straight line: an update reads and writes weights, gradients and the optimizer's vectors; each row adds its
    products."""
    update, row = moved / MEMORY_BYTES_PER_SECOND, 3 * multiply_adds / MULTIPLY_ADDS_PER_SECOND
    return Compute((0, 1), (update, update + row))


def _multiply_adds(net: Net, sparse: Collection[str]) -> float:
    """Multiply-adds of a row's forward pass; a row of a sparse input has SPARSE_ENTRIES numbers, whatever its width."""
    return sum(node.layer.multiply_adds(node.x) * _filled(node, sparse) for node in net.nodes)


def _filled(node: Node, sparse: Collection[str]) -> float:
    """The share of a node's x that is not zero."""
    return SPARSE_ENTRIES / prod(node.x) if set(node.inputs) & set(sparse) else 1
