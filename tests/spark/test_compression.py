"""What is said of gradients on their way, as Params of a fit."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.exchange.compressions import FP16, TopK
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.spark.fit_spec import FitSpec
from tests.spark.data import blobs, estimator, frame, same


@pytest.mark.parametrize(
    ("value", "compression"),
    [
        ("none", None),
        ("fp16", FP16()),
        ("topk", TopK(0.01)),
        ({"kind": "topk", "ratio": 1}, TopK(1.0)),
    ],
)
def test_a_recipe_says_what_the_params_say(spark: Any, value: Any, compression: Compression | None) -> None:
    recipe = FitSpec(estimator(compression=value), frame(spark, *blobs(12))).recipe
    assert (recipe.compression, recipe.overlap) == (compression, False)


def test_on_one_host_a_fit_ends_with_the_same_bits(spark: Any) -> None:
    """There gradients are exact; what top-k keeps of them, here nothing, travels from job to job."""
    rows = frame(spark, *blobs()).cache()
    net = estimator(batchSize=45, maxIter=2, numTrainWorkers=2)
    exact = net.fit(rows)
    for params in ({net.compression: "fp16"}, {net.compression: "topk", net.jobSeconds: 0.0}, {net.overlap: True}):
        found = net.copy(params).fit(rows)
        assert same(found, exact)
        assert found.summary.jobs == (4 if net.jobSeconds in params else 1)
