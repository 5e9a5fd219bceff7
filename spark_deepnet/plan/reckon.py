"""What a step would cost, reckoned from the network alone: nothing is timed, so the same fit is always reckoned alike."""

from __future__ import annotations

from spark_deepnet.kernels.memory import padded
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.cost import Compute, Costs, Link
from spark_deepnet.plan.crossings import DOUBLE, FLOAT, Crossings
from spark_deepnet.plan.plan import Recipe

SPEED = 5e10
"""Multiply-adds a second of one core, as seen in networks of all kinds; forward and backward take three times those of
forward."""
MEMORY = 1e10
"""Bytes a second that one core reads or writes in an update."""


def reckoned(recipe: Recipe, blocks: int, link: Link) -> Costs:
    """Of replicas of so many blocks."""
    net = cut(recipe.scores_net(), 0, blocks)
    size = FLOAT * Layout(net).size
    vectors = len(recipe.made_optimizer().vectors)
    measures = FLOAT * padded(2 + 2 * len(recipe.heads()))
    averaged = 1 + (vectors if recipe.sync_state == "average" else 0)
    told = DOUBLE * (2 + 3 * len(recipe.heads()))
    crossings = Crossings.of(recipe, net, blocks)
    return Costs(
        recipe.batch_size, _compute(net, size, vectors), link, (size + measures,), (told, *[size] * averaged), crossings
    )


def _compute(net: Net, size: int, vectors: int) -> Compute:
    """A line: an update reads and writes weights, slopes and the optimizer's vectors; a row adds its products."""
    update = 2 * (2 + vectors) * size / MEMORY
    row = 3 * sum(node.layer.multiply_adds(node.x) for node in net.nodes) / SPEED
    return Compute((0, 1), (update, update + row))
