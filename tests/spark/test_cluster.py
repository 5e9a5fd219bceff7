"""What is shipped to workers, which Python they run, and how many there are."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark import cloudpickle
from pyspark.sql import functions as F

from spark_deepnet.errors import ClusterError, UnknownNameError
from spark_deepnet.layers import Dense, Dropout
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.fit.barrier_fit import rank_task
from spark_deepnet.spark.fit_spec import FitSpec
from spark_deepnet.spark.output_columns import scoring_udf
from spark_deepnet.spark.session import workers
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.workers import wait_for_slots
from tests.spark.data import blobs, estimator, frame
from tests.spark.test_bad_input import check_sentence

SLOTS = {"classic": 4, "cluster": 2, "connect": 2}
NET = [Dense(64, "relu"), Dropout(0.5), Dense(32, "relu"), Dense(3, "softmax")]

OWN = """
from dataclasses import dataclass

from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Halved(Activation, kind="halved"):
    def value(self, x, y):
        y[:] = x / 2

    def gradient(self, x, y, dy, dx):
        dx[:] = dy / 2
"""


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(12)).cache()


@pytest.mark.sessions("classic", "cluster", "connect")
def test_all_slots_are_taken_where_nothing_is_said(rows: Any, kind: str) -> None:
    spark = rows.sparkSession
    wait_for_slots(spark, Cluster.of(spark), SLOTS[kind])  # executors register one by one
    assert Cluster.of(spark).slots == SLOTS[kind]
    assert len(estimator(numTrainWorkers=0, maxIter=1).fit(rows).summary.ranks) == SLOTS[kind]


@pytest.mark.parametrize(
    ("settings", "asked", "found"),
    [
        ({"spark.master": "local-cluster[3,1,1024]"}, 3, 3),
        ({"spark.master": "yarn", "spark.executor.instances": "4", "spark.executor.cores": "1"}, 4, 4),
        ({"spark.master": "spark://host:7077"}, 4, 4),
        ({"spark.master": "local-cluster[3,1,1024]"}, 4, None),
        ({"spark.master": "local[*]"}, 2, None),
        ({"spark.master": "spark://host:7077"}, 9, None),
    ],
)
def test_executors_have_time_to_come(
    settings: dict[str, str], asked: int, found: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One every tenth of the time, up to five."""
    waits: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append)
    seconds = workers.REGISTRATION_SECONDS
    monkeypatch.setattr(workers, "time", clock)
    monkeypatch.setattr(workers, "slots_now", lambda *_: min(5, 1 + int(10 * sum(waits) / seconds)))
    session: Any = None
    cluster = Cluster.from_settings(settings)
    if found is None:
        with pytest.raises(ClusterError, match=f"numTrainWorkers: {asked} workers must run at once"):
            workers.workers_for(session, cluster, asked, 1)
        assert not waits or "spark:" in settings["spark.master"]
    else:
        assert workers.workers_for(session, cluster, asked, 1) == found
        assert 0 < sum(waits) < seconds


def test_the_first_executor_has_time_to_come_where_no_number_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a fit that is the first of a session would take one worker of any cluster."""
    waits: list[float] = []
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append))
    monkeypatch.setattr(workers, "slots_now", lambda *_: 4 if sum(waits) > 1 else 0)
    session: Any = None
    assert workers.workers_for(session, Cluster.from_settings({"spark.master": "spark://host:7077"}), 0, 1) == 4


@pytest.mark.sessions("classic", "cluster")
def test_workers_run_the_drivers_python(rows: Any) -> None:
    assert "PYSPARK_PYTHON" not in os.environ
    estimator(maxIter=1).fit(rows)

    @F.udf("string")
    def python() -> str:
        import sys

        return sys.executable

    assert {row[0] for row in rows.select(python()).collect()} == {sys.executable}


def test_a_fit_on_a_python_without_the_package_says_so(
    rows: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Chosen by the user, so it is left as it is."""
    venv.create(tmp_path / "bare", symlinks=True)
    bare = str(tmp_path / "bare" / "bin" / "python")
    subprocess.run([bare, "-c", "import sys; assert 'bare' in sys.prefix"], check=True)
    monkeypatch.setenv("PYSPARK_PYTHON", bare)
    monkeypatch.setattr(rows.sparkSession.sparkContext, "pythonExec", bare)
    with pytest.raises(ClusterError, match="Python") as raised:
        estimator().fit(rows)
    check_sentence(raised.value)
    assert sys.executable in str(raised.value)
    monkeypatch.undo()
    assert estimator(maxIter=1).fit(rows).summary.jobs == 1


@pytest.mark.sessions("cluster")
def test_a_layer_that_workers_cannot_import_is_told_until_it_is_sent(
    rows: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own_halved.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    net = estimator(layers=[Dense(5), import_module("own_halved").Halved(), Dense(3, "softmax")], numTrainWorkers=2)
    with pytest.raises(UnknownNameError, match=r"'own_halved'.*addArtifact") as raised:
        net.fit(rows)
    check_sentence(raised.value)
    rows.sparkSession.addArtifact(str(tmp_path / "own_halved.py"), pyfile=True)
    assert len(net.fit(rows).transform(rows).collect()) == 12


@pytest.mark.sessions("classic", "connect")
def test_little_is_shipped(rows: Any) -> None:
    design = FitSpec(estimator(layers=NET, solver="momentum", schedule="cosine", clipNorm=1.0), rows)
    plan = TrainPlan(design.recipe, design.columns, 4, "0" * 32, b"0" * 32, listener=("192.168.100.100", 50000))
    assert len(cloudpickle.dumps(partial(rank_task, plan))) < 2048


@pytest.mark.sessions("classic", "connect")
def test_a_scorer_ships_the_weights_and_little_else(rows: Any) -> None:
    fitted = estimator(layers=NET, maxIter=1).fit(rows)
    plan, _ = fitted._plan_for(rows)
    udf = scoring_udf(plan, fitted._scorer(rows, plan))
    weights = sum(w.nbytes for w in fitted.weights.values())
    assert weights > 8000
    assert len(cloudpickle.dumps(udf.func)) - weights < 4096
