"""Barrier jobs are planned whole, and the session's own setting is back before they run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet.spark.fit import barrier_fit
from spark_deepnet.spark.session.without_aqe import ADAPTIVE, planned, without_aqe
from tests.spark.data import blobs, estimator, frame

EACH = pytest.mark.parametrize("own", ["true", "false"])
"""The session's own setting."""


@pytest.fixture(autouse=True)
def restored(spark: Any) -> Iterator[None]:
    before = spark.conf.get(ADAPTIVE)
    yield
    spark.conf.set(ADAPTIVE, before)


def plan_of(rows: Any) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


@EACH
def test_a_frame_is_planned_whole_and_others_as_they_were(spark: Any, own: str) -> None:
    spark.conf.set(ADAPTIVE, own)
    dealt, other = spark.range(9).repartition(3), spark.range(9).repartition(3)
    assert "Adaptive" not in plan_of(planned(dealt))
    assert ("Adaptive" in plan_of(other)) == (own == "true")
    assert sorted(row[0] for row in dealt.collect()) == list(range(9))


@EACH
def test_the_setting_is_back_when_the_last_has_left(spark: Any, own: str) -> None:
    spark.conf.set(ADAPTIVE, own)
    with without_aqe(spark):
        with without_aqe(spark):
            assert spark.conf.get(ADAPTIVE) == "false"
        assert spark.conf.get(ADAPTIVE) == "false"
    assert spark.conf.get(ADAPTIVE) == own
    with pytest.raises(KeyError), without_aqe(spark):
        raise KeyError
    assert spark.conf.get(ADAPTIVE) == own


@pytest.mark.parametrize("large", [False, True])
def test_so_are_the_jobs_of_a_fit(spark: Any, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether their state comes to the driver or goes to a folder."""
    monkeypatch.setattr(barrier_fit, "DRIVER_STATE", 0 if large else 1 << 20)
    found = []
    monkeypatch.setattr(barrier_fit, "planned", lambda results: found.append(plan_of(planned(results))) or results)
    write = barrier_fit.write_chunks

    def writing(results: Any, *more: str) -> None:
        found.append(spark.conf.get(ADAPTIVE) + plan_of(results))
        write(results, *more)

    monkeypatch.setattr(barrier_fit, "write_chunks", writing)
    estimator(maxIter=1, numTrainWorkers=2, checkpointDir=str(tmp_path)).fit(frame(spark, *blobs(20)))
    (plan,) = found
    assert "MapInPandas" in plan
    assert "Adaptive" not in plan
    assert spark.conf.get(ADAPTIVE) == "true"
