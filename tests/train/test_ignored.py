"""Labels that a loss ignores: a fit is that of the other rows, and steps, alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import IGNORED, Target
from spark_deepnet.data.table import Dense, Table
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net.net import INPUT
from spark_deepnet.train.loss_head import each_step, without_ignored
from tests.train.fits import CLASSES, Rows, fit, plan_of

ROWS = Rows.drawn(40)


@pytest.mark.parametrize("label", [255, -1, 1])
@pytest.mark.parametrize("shares", [(40,), (25, 15)], ids=str)
def test_a_fit_is_that_of_the_rows_that_are_not_ignored(label: int, shares: tuple[int, ...]) -> None:
    ignored = (np.arange(40) % 3 == 0) | (ROWS.y == label)
    plan = plan_of(
        loss=SoftmaxCrossEntropy(ignore=label),  # type: ignore[arg-type]
        columns={"targets": (Target("y", classes=CLASSES, ignore=label),)},
        weighted=True,
        validated=True,
    )
    found = fit(plan, replace(ROWS, y=np.where(ignored, label, ROWS.y)).dealt(*shares))
    others = replace(ROWS, weights=np.where(ignored, 0, ROWS.weights), y=np.where(ignored, 0, ROWS.y))
    expected = fit(plan_of(weighted=True, validated=True), others.dealt(*shares))
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-4, atol=1e-5)
    for key in ("loss", "accuracy", "validationLoss", "validationAccuracy"):
        np.testing.assert_allclose(found.history[-1][key], expected.history[-1][key], rtol=1e-5)
    assert abs(found.weights).max() > 0.1


def test_ignored_steps_do_not_count_in_the_weight_of_a_row() -> None:
    steps = Ragged(np.array([0, IGNORED, 2, IGNORED, IGNORED, 1], np.int32), np.array([0, 3, 3, 5, 6]))
    whole = np.array([2, IGNORED, 0, 1], np.int32)
    weights = np.array([2.0, 1.0, 4.0, 0.5])
    table = Table({INPUT: Dense(np.zeros((4, 1), np.float32))}, (steps, whole), weights, np.zeros(4, bool))
    np.testing.assert_array_equal(table.loss_weights, [[4, 0, 0, 0.5], [2, 0, 4, 0.5]])
    targets, of_steps = without_ignored(*each_step(steps, np.array([0, 3, 2]), np.float32([2, 1, 4]), 3))
    np.testing.assert_array_equal(targets, [0, 0, 2, 1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(of_steps, [2, 0, 2, 1, 0, 0, 0, 0, 0])


def test_targets_without_ignored_labels_are_passed_on() -> None:
    targets, weights = np.array([0, 1], np.int32), np.ones(2, np.float32)
    assert without_ignored(targets, weights)[0] is targets
    numbers = np.array([-1.0, 2.0], np.float32)[:, None]
    assert without_ignored(numbers, weights)[1] is weights
