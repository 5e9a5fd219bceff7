"""What Spark's collection of garbage behind every task costs a worker that scores."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tests.spark.data import blobs, estimator, frame


def test_a_process_leaves_out_what_there_is_at_its_second_task_and_not_at_others() -> None:
    code = (
        "import gc; from spark_deepnet.spark.session.collected_once import note_task\n"
        "counts = []\n"
        "for task in range(4): note_task(); counts.append(gc.get_freeze_count()); kept = [[] for _ in range(1000)]\n"
        "print(*counts)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second, third, fourth = map(int, done.stdout.split())
    assert first == 0
    assert second > 5_000
    assert fourth <= third <= second


def test_a_worker_that_scores_does(spark: Any) -> None:
    x, y = blobs()
    rows = frame(spark, x, y)
    model = estimator(maxIter=1).fit(rows)

    def frozen(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:  # in here, for workers have no tests
        import gc

        for _ in frames:
            yield pd.DataFrame({"frozen": [gc.get_freeze_count()]})

    model.transform(rows.repartition(16)).write.format("noop").mode("overwrite").save()
    assert rows.repartition(16).mapInPandas(frozen, "frozen long").agg({"frozen": "max"}).first()[0] > 50_000
