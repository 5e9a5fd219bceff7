"""Metrics and what is watched, by the outputs of a network; none of this needs a session."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.layers import Dense, Output
from spark_deepnet.metrics import F1, RMSE, Accuracy, TopK
from spark_deepnet.plan.architecture import Architecture, InputSpec, OutputSpec
from spark_deepnet.spark.metrics import measured_by
from spark_deepnet.train.measure import watched
from tests.spark.data import estimator
from tests.train.fits import plan_of

CLASSES = (Dense(7),)
TWO = (Dense(7, name="kind"), Output("softmax_cross_entropy"), Dense(1, name="age"), Output("squared"))


def heads(layers: Any) -> tuple[OutputSpec, ...]:
    return Architecture(tuple(layers), (InputSpec((4,)),), "softmax_cross_entropy").heads()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layers", "params", "metrics", "monitor", "figure"),
    [
        (CLASSES, {}, (), "loss", ("validationLoss", False)),
        (CLASSES, {"monitor": "accuracy"}, (), "accuracy", ("validationAccuracy", True)),
        (CLASSES, {"monitor": "f1"}, (F1(),), "f1", ("validationF1", True)),
        (CLASSES, {"metrics": [F1("macro")], "monitor": "f1"}, (F1("macro"),), "f1", ("validationF1", True)),
        (CLASSES, {"metrics": [TopK(2)], "monitor": "top_k"}, (TopK(2),), "top2Accuracy", ("validationTop2Accuracy", True)),
        (CLASSES, {"monitor": "top5Accuracy", "metrics": ["top_k"]}, (TopK(),), "top5Accuracy",
         ("validationTop5Accuracy", True)),
        (TWO, {"monitor": "age_rmse", "metrics": ["accuracy"]}, (Accuracy(),), "age_rmse", ("age_validationRmse", False)),
        (TWO, {"monitor": "kind_accuracy", "metrics": ["rmse"]}, (RMSE(),), "kind_accuracy",
         ("kind_validationAccuracy", True)),
    ],
)  # fmt: skip
def test_what_is_watched(layers: Any, params: Any, metrics: Any, monitor: str, figure: Any) -> None:
    measured = measured_by(estimator(**params), heads(layers), True)
    assert (measured.metrics, measured.monitor) == (metrics, monitor)
    plan = plan_of(layers=layers, metrics=measured.metrics, monitor=measured.monitor)
    assert watched(plan.recipe) == figure


def test_an_output_is_named_where_there_are_several() -> None:
    with pytest.raises(ParamError, match="monitor: there is no 'rmse' in this fit; did you mean 'age_rmse'"):
        measured_by(estimator(monitor="rmse"), heads(TWO), True)
    with pytest.raises(
        ParamError, match="metrics: mae needs a loss of numbers, such as squared; the loss here is softmax"
    ):
        measured_by(estimator(monitor="mae"), heads(CLASSES), True)
