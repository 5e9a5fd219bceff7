"""A model's weights in a file beside the workers, where the functions that they run cannot carry them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

from spark_deepnet.score.score import ScorePlan, score
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.message_limit import check_message

Scorer = Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]
MIN_FILE_BYTES = 16 << 20
"""Fewer bytes go with the function: a file is a request of its own."""


def scorer(
    spark: SparkSession, plan: ScorePlan, run: Callable[[ScorePlan, Iterator[pd.DataFrame]], Any] = score
) -> Scorer:
    """What each worker runs by itself: ``run`` of the plan and the frames."""
    name = f"spark_deepnet-{plan.digest}"
    if len(plan.weights) >= MIN_FILE_BYTES and dialect_of(spark).put_file(name, plan.weights):
        return partial(_by_file, replace(plan, weights=b""), name, run)
    what = "transform: the weights go to the workers in one message"
    check_message(spark, len(plan.weights), what, "score in a classic session")
    return partial(run, plan)


def _by_file(plan: ScorePlan, name: str, run: Callable[..., Any], frames: Iterator[pd.DataFrame]) -> Any:
    from pyspark import SparkFiles  # which the package of a thin client lacks

    return run(replace(plan, weights=Path(SparkFiles.get(name)).read_bytes()), frames)
