"""Fits of sequences of different lengths: the same with one rank, with two and with three; padding counts nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, Source
from spark_deepnet.errors import DataError
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.slice import Slice
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from tests.data.frames import lists
from tests.train.fits import fit, plan_of

N, LONGEST, WIDTH, CLASSES = 24, 9, 4, 3
LENGTHS = np.array([0, 1, 2, 3, 4, 9, 9, 6] * 3)
NETS: dict[str, tuple[Any, ...]] = {
    "norm of steps": (BatchNorm(), GlobalAveragePool1D(), Dense(CLASSES)),
    "strided": (Conv1D(6, 3, strides=2, padding="same"), BatchNorm(), "tanh", LSTM(4), Dense(CLASSES)),
    "valid": (Conv1D(6, 3), BatchNorm(), Conv1D(5, 2, padding=2), "relu", GlobalAveragePool1D(), Dense(CLASSES)),
    "regrouped": (Reshape((-1, 2)), BatchNorm(), LSTM(4), Dense(CLASSES)),
    "images": (
        Reshape((-1, 2, 2)), Conv2DTranspose(3, 2, 2), BatchNorm(), MaxPool2D(2, padding="same"), Conv2D(3, (2, 1)),
        GlobalAveragePool2D(), Dense(CLASSES),
    ),
    "last steps": (LSTM(4, sequences=True), Slice(-2, None, axis=0), BatchNorm(), Flatten(), Dense(CLASSES)),
}  # fmt: skip


def frame(steps: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x = [rng.normal(2, 1, n * WIDTH).astype(np.float32) for n in LENGTHS]
    classes = rng.integers(0, CLASSES, N)
    label: Any = lists([np.zeros(n) for n in LENGTHS]) if steps else classes.astype(np.float64)
    return pd.DataFrame({"features x": lists(x), "label": label, "weight": 1.0, "validation": False})


def plan(layers: tuple[Any, ...], **columns: Any) -> TrainPlan:
    told = {"sources": (Source((LONGEST, WIDTH), name="f", kind=STEPS),)} | columns
    entry = InputSpec((LONGEST, WIDTH), steps=True)
    return plan_of(layers, columns=told, entries=(entry,), epochs=4, learning_rate=0.2)


@pytest.mark.parametrize("name", NETS)
def test_the_number_of_ranks_changes_nothing(name: str) -> None:
    rows, made = frame(), plan(NETS[name])
    one = fit(made, [[rows]])
    for shares in ([12, 24], [3, 20], [8, 16, 24]):
        parts = [[rows.iloc[a:b]] for a, b in zip([0, *shares], [*shares, N], strict=True)]
        found = fit(made, parts)
        np.testing.assert_allclose(found.weights, one.weights, rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(found.losses(), one.losses(), rtol=2e-4)


def test_scores_of_other_steps_than_the_targets_are_refused() -> None:
    layers = (Conv1D(4, 3), Conv1D(CLASSES, 1, padding=1))
    with pytest.raises(DataError, match="a row of 1 targets gets scores for 0 steps; end the network in layers that"):
        fit(plan(layers, steps=True), [[frame(steps=True)]])
