"""Where the fit of a foreign network starts: its weights, and what its solver has left."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.caffe.training import Training
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.spark.foreign import architecture_and_weights
from spark_deepnet.spark.initial_model import InitialModel
from spark_deepnet.spark.model import DeepNetModel


def initial_model(training: Training) -> InitialModel | None:
    """The weights, vectors and steps of a network that was trained before; None: the file has no weights."""
    if not training.foreign.weights:
        return None
    architecture, weights = architecture_and_weights(training.foreign, training.params.get("seed", 0))
    model = DeepNetModel(architecture, weights)
    if training.state is None:
        return InitialModel(model)
    layout, optimizer = architecture.scores_net().layout, Optimizer.of(training.params["solver"])
    vectors = tuple(_flat(layout, training.state.vectors.get(name, {})) for name in optimizer.vectors)
    return InitialModel(model, vectors, training.state.iteration)


def _flat(layout: Layout, named: dict[str, np.ndarray]) -> np.ndarray:
    """A flat vector with these arrays, and zeros for weights without one."""
    flat = layout.zeros()
    views = layout.named(flat)
    for name, array in named.items():
        if name in views:
            views[name][...] = array
    return flat
