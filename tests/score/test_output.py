"""Scores to predictions, for every task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from spark_deepnet.errors import ParamError
from spark_deepnet.losses.loss import Loss
from spark_deepnet.score.output import PREDICTION, PROBABILITY, RAW, Output

SCORES = np.array([[1.0, 3.0, -2.0], [0.0, 0.0, 0.0], [-1.0, -2.0, 5.0], [7.0, 7.0, 1.0]], np.float32)
LONE = np.array([[2.0], [0.0], [-1.0]], np.float32)
SIDES = np.concatenate((-LONE, LONE), 1)


@dataclass(frozen=True)
class OutputCase:
    loss: str
    scores: np.ndarray
    columns: dict[str, Any]
    classes: int
    several: bool = False


OUTPUTS = [
    OutputCase(
        "softmax_cross_entropy",
        SCORES,
        {RAW: SCORES, PROBABILITY: softmax(SCORES, 1), PREDICTION: [1, 0, 2, 0]},
        classes=3,
    ),
    OutputCase("hinge", SCORES, {RAW: SCORES, PREDICTION: [1, 0, 2, 0]}, classes=3),
    OutputCase("hinge", LONE, {RAW: SIDES, PREDICTION: [1, 0, 0]}, classes=2),
    OutputCase(
        "sigmoid_cross_entropy",
        LONE,
        {RAW: SIDES, PROBABILITY: expit(SIDES), PREDICTION: [1, 0, 0]},
        classes=2,
    ),
    OutputCase(
        "sigmoid_cross_entropy",
        SCORES,
        {RAW: SCORES, PROBABILITY: expit(SCORES), PREDICTION: [[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1]]},
        classes=0,
        several=True,
    ),
    OutputCase(
        "softmax_focal",
        SCORES,
        {RAW: SCORES, PROBABILITY: softmax(SCORES, axis=1), PREDICTION: [1, 0, 2, 0]},
        classes=3,
    ),
    OutputCase(
        "sigmoid_focal",
        LONE,
        {RAW: SIDES, PROBABILITY: expit(SIDES), PREDICTION: [1, 0, 0]},
        classes=2,
    ),
    OutputCase("quantile", LONE, {PREDICTION: [2, 0, -1]}, classes=0),
    OutputCase("squared", LONE, {PREDICTION: [2, 0, -1]}, classes=0),
    OutputCase("squared", SCORES, {PREDICTION: SCORES}, classes=0, several=True),
    OutputCase("absolute", LONE, {PREDICTION: [2, 0, -1]}, classes=0),
    OutputCase("huber", LONE, {PREDICTION: [2, 0, -1]}, classes=0),
    OutputCase("poisson", LONE, {PREDICTION: np.exp(LONE[:, 0])}, classes=0),
    OutputCase("poisson", SCORES, {PREDICTION: np.exp(SCORES)}, classes=0, several=True),
]
each_output = pytest.mark.parametrize("case", OUTPUTS, ids=lambda case: f"{case.loss} {case.scores.shape[1]}")


def output_of(case: OutputCase) -> Output:
    return Output.of(Loss.of(case.loss), case.scores.shape[1])


def test_every_loss_has_a_row() -> None:
    assert {case.loss for case in OUTPUTS} == set(Loss.names())


@each_output
def test_columns_are_what_the_task_says(case: OutputCase) -> None:
    output = output_of(case)
    found = output.columns(case.scores, None)
    assert list(found) == list(case.columns)
    for name, expected in case.columns.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-6)
    assert (output.raw, output.probability) == (RAW in found, PROBABILITY in found)
    assert (output.classes, output.several) == (case.classes, case.several)


@each_output
def test_no_rows_give_columns_of_the_same_widths(case: OutputCase) -> None:
    found = output_of(case).columns(case.scores[:0], None)
    for name, expected in case.columns.items():
        assert found[name].shape == (0, *np.shape(expected)[1:])


@each_output
def test_probabilities_of_classes_sum_to_1(case: OutputCase) -> None:
    output = output_of(case)
    if output.probability and output.classes:
        np.testing.assert_allclose(output.columns(case.scores, None)[PROBABILITY].sum(1), 1, rtol=1e-6)


THRESHOLDS = [
    ("softmax_cross_entropy", [0.5, 0.5, 0.5], [[0.2, 0.5, 0.3]], [1]),
    ("softmax_cross_entropy", [1.0, 5.0, 1.0], [[0.2, 0.5, 0.3]], [2]),
    ("softmax_cross_entropy", [0.1, 1.0, 1.0], [[0.2, 0.5, 0.3], [0.01, 0.09, 0.9]], [0, 2]),
    ("softmax_cross_entropy", [1.0, 0.0, 1.0], [[0.2, 0.5, 0.3], [0.98, 0.01, 0.01]], [1, 1]),
    ("sigmoid_cross_entropy", [0.3, 0.7], [[0.4, 0.6]], [0]),
    ("sigmoid_cross_entropy", [0.7, 0.3], [[0.6, 0.4]], [1]),
    ("sigmoid_cross_entropy", [1.0, 0.0], [[0.99, 0.01]], [1]),
]


@pytest.mark.parametrize(("loss", "thresholds", "probability", "expected"), THRESHOLDS)
def test_thresholds_take_the_class_of_the_highest_share(
    loss: str, thresholds: list[float], probability: list[list[float]], expected: list[int]
) -> None:
    p = np.array(probability, np.float32)
    scores = np.log(p[:, 1:] / p[:, :1]) if loss == "sigmoid_cross_entropy" else np.log(p)
    output = Output.of(Loss.of(loss), scores.shape[1])
    output.check_thresholds(thresholds)
    assert output.columns(scores, thresholds)[PREDICTION].tolist() == expected


REFUSED = [
    ("squared", 1, [0.5, 0.5], "this network gives no class probabilities"),
    ("hinge", 2, [0.5, 0.5], "this network gives no class probabilities"),
    ("sigmoid_cross_entropy", 3, [0.5, 0.5, 0.5], "this network gives no class probabilities"),
    ("softmax_cross_entropy", 3, [0.5, 0.5], "expected one for each of 3 classes, found 2"),
    ("sigmoid_cross_entropy", 1, [0.5], "expected one for each of 2 classes, found 1"),
    ("softmax_cross_entropy", 2, [-0.5, 0.5], "must be 0 or more, with at most one 0"),
    ("softmax_cross_entropy", 2, [0.0, 0.0], "must be 0 or more, with at most one 0"),
]


@pytest.mark.parametrize(("loss", "units", "thresholds", "fragment"), REFUSED)
def test_thresholds_that_cannot_be_are_refused(loss: str, units: int, thresholds: list[float], fragment: str) -> None:
    output = Output.of(Loss.of(loss), units)
    output.check_thresholds(None)
    with pytest.raises(ParamError, match=f"thresholds: .*{fragment}"):
        output.check_thresholds(thresholds)
