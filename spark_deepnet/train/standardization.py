"""What the Normalization layers of a network subtract and divide by, from the rows of all ranks."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.moments import INPUT, TARGET, Column, Statistics
from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.normalization import Normalization, factor_of
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train.state import State

MAX_FACTOR = 1e37
"""That float32 holds."""


def adapted(net: Net) -> dict[str, Column]:
    """The nodes that a fit sets -> the input or the target that they standardize; NetworkError for one elsewhere."""
    tops = {top.name: str(k) for k, top in enumerate(net.tops)}
    columns = {}
    for node in net.nodes:
        if not (isinstance(node.layer, Normalization) and node.layer.adapt and node.layer.share is None):
            continue
        source, invert = node.inputs[0], node.layer.invert
        if (node.name not in tops) if invert else (source not in net.inputs):
            where, right = ("is not", "an output's top") if invert else (f"reads {source!r}, not", "an input")
            raise NetworkError(
                f"layer {node.name!r}: a Normalization gets its mean and deviation from the rows, but it {where} {right}; "
                f"use BatchNorm() there, or adapt=False"
            )
        columns[node.name] = (TARGET, tops[node.name]) if invert else (INPUT, source)
    return columns


def channels(plan: TrainPlan) -> dict[Column, int]:
    """The inputs and targets whose statistics a job takes -> their channels: none where the fit goes on from a state."""
    if plan.state_chunks and not plan.start_arrays:
        return {}
    net = plan.recipe.scores_net()
    nodes = {node.name: node for node in net.nodes}
    return {column: nodes[name].x[-1] for name, column in adapted(net).items()}


def set_statistics(recipe: Recipe, layout: Layout, state: State, statistics: Statistics) -> None:
    """Write them into the weights of the network, or of a block of it."""
    nodes = adapted(recipe.scores_net())
    for slot in layout.slots:
        column = nodes.get(slot.node)
        if column in statistics:
            own = statistics[column][slot.key == "deviation"]
            for flat in (state.weights, state.best):
                if flat is not None:
                    slot.view(flat)[...] = own if slot.weight.part is None else own[slot.weight.part.index]


def gradient_factors(recipe: Recipe, layout: Layout, flat: np.ndarray) -> dict[int, np.ndarray]:
    """Output -> what the gradients of its scores (those of the block) are multiplied by, so that they are those of
    standardized targets, while scores and loss are in the targets' units: 1 / (d g(d)), d: the targets' deviation,
    g(d): the loss's ``gradient_size``."""
    views, heads = layout.named(flat), recipe.heads()
    return {
        k: _factor(heads[k].loss, views[f"{top.owner}/deviation"])
        for k, top in enumerate(recipe.scores_net().tops)
        if isinstance(top.layer, Normalization) and top.layer.invert
    }


def _factor(loss: Loss, deviation: np.ndarray) -> np.ndarray:
    d = deviation.astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.minimum(factor_of(d * loss.gradient_size(d)), MAX_FACTOR).astype(np.float32)
