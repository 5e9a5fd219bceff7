"""Which rows each step takes, and how many steps a fit makes: orderCol and maxSteps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import DataError, DeepNetError, ParamError
from spark_deepnet.losses import SoftmaxCrossEntropy
from tests.spark.data import blobs, distance, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

pytestmark = pytest.mark.sessions("classic", "connect")
NUMBERS = [int(n) for n in np.random.default_rng(4).permutation(30)]


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(
        spark, *blobs(30), number=NUMBERS, half=[n / 2 for n in NUMBERS], tied=[n // 2 for n in NUMBERS]
    ).cache()


@pytest.mark.parametrize("exchange", ["sockets", "spark"])
def test_max_steps_end_a_fit_within_an_epoch(rows: Any, exchange: str) -> None:
    workers = {"exchange": exchange, "solver": "sgd", "numTrainWorkers": 2 if exchange == "spark" else 1}
    net = DeepNetEstimator(layers=[4, 5, 3], batchSize=4, maxSteps=11, schedule="cosine", **workers)
    net.setStandardization(False)
    summary = net.fit(rows).summary
    steps = 4 if exchange == "spark" else 8  # of an epoch
    assert (summary.steps, summary.totalIterations) == (11, -(-11 // steps))
    assert net.copy({"maxIter": 1}).fit(rows).summary.steps == steps


def test_rows_in_order_make_the_same_steps_for_any_number_of_workers(rows: Any) -> None:
    net = estimator(batchSize=8, maxSteps=9, orderCol="number")
    one = net.fit(rows)
    assert same(net.copy({"seed": 0, "orderCol": "half"}).fit(rows), one)
    assert distance(net.copy({"numTrainWorkers": 2}).fit(rows), one) < 1e-4
    assert not same(estimator(batchSize=8, maxSteps=9).fit(rows), one)
    assert one.summary.steps == 9


@pytest.mark.parametrize(
    ("params", "error", "sentence"),
    [
        ({"orderCol": "nummer"}, DeepNetError, "orderCol"),
        ({"orderCol": "features"}, DataError, "orderCol: column 'features' is vector; expected a numeric column"),
        ({"orderCol": "tied"}, DataError, "orderCol: column 'tied' does not say in which order rows come: 15 have"),
        ({"orderCol": "number", "exchange": "spark", "solver": "sgd"}, ParamError, "set exchange to 'sockets'"),
        ({"maxSteps": -1}, ParamError, "maxSteps: must be at least 0, found -1"),
    ],
)
def test_what_gives_no_order_is_refused(rows: Any, params: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error) as caught:
        estimator(**params).fit(rows)
    assert sentence in str(caught.value)
    check_sentence(str(caught.value))


def test_ignored_labels_are_no_class_and_train_nothing(spark: Any) -> None:
    x, y = blobs(30)
    rows = frame(spark, x, np.where(np.arange(30) % 5 == 0, 255, y), weight=[float(n % 5 > 0) for n in range(30)])
    loss = SoftmaxCrossEntropy(ignore=255)
    found = estimator(layers=[4, 5, -1], loss=loss).fit(rows)
    others = frame(spark, x, y, weight=[float(n % 5 > 0) for n in range(30)])
    expected = estimator(loss="softmax_cross_entropy", weightCol="weight").fit(others)
    assert found.numClasses == 3
    assert [list(node.shape) for node in found.net.nodes] == [list(node.shape) for node in expected.net.nodes]
    assert distance(found, expected) < 1e-4
    only = frame(spark, x, np.full(30, 255))
    with pytest.raises(DataError, match="the loss ignores the label of every training row"):
        estimator(loss=loss).fit(only)


def test_lbfgs_makes_iterations_over_all_rows(rows: Any) -> None:
    """Two workers find what one finds, but for rounding."""
    net = DeepNetEstimator(layers=[4, 5, 3], solver="l-bfgs", maxIter=6)
    one, two = (net.copy({"numTrainWorkers": count}).fit(rows) for count in (1, 2))
    losses = [row["loss"] for row in two.summary.history]
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_allclose(losses, [row["loss"] for row in one.summary.history], rtol=1e-4)
    assert (two.summary.steps, two.summary.totalIterations) == (6, 6)
    assert np.mean([row.label == row.prediction for row in two.transform(rows).collect()]) > 0.9
