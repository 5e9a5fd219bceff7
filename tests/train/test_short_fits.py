"""Scores of the training rows are as good as the history says, however short the fit: BatchNorm's moving statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.architecture import InputSpec
from tests.data.frames import lists, sources
from tests.train.fits import fit, plan_of

NETS: dict[str, tuple[Any, ...]] = {
    "one": (BatchNorm(), Dense(32, activation="relu"), Dense(10)),
    "deep": (
        *(layer for _ in range(3) for layer in (Dense(32, bias=False), BatchNorm(), "relu")),
        Dense(10),
    ),
    "never arrives": (BatchNorm(momentum=0.999), Dense(32, activation="relu"), BatchNorm(momentum=0.999), Dense(10)),
}


@pytest.mark.parametrize("epochs", [3, 6, 20])
@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("load", [load_wine, load_digits], ids=["wine, raw", "digits, raw"])
def test_scores_of_the_training_rows_are_as_good_as_the_history_says(load: Any, name: str, epochs: int) -> None:
    x, y = load(return_X_y=True)
    x, y = x[:400].astype(np.float32), y[:400]
    plan = plan_of(
        NETS[name],
        columns={"sources": sources(x.shape[1], "f"), "classes": 10},
        entries=(InputSpec(x.shape[1:]),),
        optimizer="adam",
        learning_rate=0.002,
        batch_size=32,
        epochs=epochs,
    )
    rows = pd.DataFrame(
        {"features x": lists(list(x)), "label": y.astype(np.float64), "weight": 1.0, "validation": False}
    )
    found = fit(plan, [[rows]])
    runner = Runner(plan.recipe.scores_net(), found.weights, len(x), training=False)
    runner.feed(len(x))[INPUT][...] = x
    accuracy = float(np.mean(runner.forward(len(x)).argmax(1) == y))
    assert accuracy > found.history[-1]["accuracy"] - 0.05
