"""Fits whose weights are cut into blocks, through Spark."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spark_deepnet.errors import ClusterError, ParamError
from spark_deepnet.forecast.grid_choice import ROOM
from spark_deepnet.spark.session.cluster import Cluster
from tests.spark.data import blobs, distance, estimator, frame, same

LAYERS = [4, 70, 70, 300]


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs()).cache()


@pytest.mark.sessions("classic", "connect")
def test_a_fit_in_blocks_equals_the_fit(rows: Any, kind: str) -> None:
    """The hidden layers are large enough to be cut, and so are the scores, which stay cut up to the loss; of four slots
    two replicas of two blocks are made."""
    net = estimator(layers=LAYERS, maxIter=10, numTrainWorkers=1)
    whole = net.fit(rows)
    workers = 4 if kind == "classic" else 2
    net = net.copy({net.modelBlocks: 2, net.numTrainWorkers: workers})
    cut = net.fit(rows)
    assert distance(cut, whole) < 1e-4
    assert len(cut.summary.ranks) == workers
    short = net.copy({net.maxIter: 2})
    assert same(short.copy({net.jobSeconds: 0.0}).fit(rows), short.fit(rows)), "also in several jobs"


@pytest.mark.sessions("classic", "connect")
def test_blocks_are_found_by_the_memory_at_hand(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net = estimator(layers=LAYERS, maxIter=1, batchSize=8, numTrainWorkers=2, modelBlocks="auto", syncEvery="auto")
    replicas, blocks = net.explainPlan(rows).candidates
    assert (replicas.blocks, blocks.blocks) == (1, 2)
    assert replicas.memory > blocks.memory
    cluster = Cluster.of(rows.sparkSession)
    for room, expected in ((replicas.memory, 1), (blocks.memory, 2)):
        given = replace(cluster, worker_memory=int(room / ROOM) + 1)
        monkeypatch.setattr(Cluster, "of", lambda _, given=given: given)
        summary = net.fit(rows).summary
        assert (summary.modelBlocks, len(summary.ranks)) == (expected, 2)
    assert summary.syncEvery == 1
    given = replace(cluster, worker_memory=1000)
    monkeypatch.setattr(Cluster, "of", lambda _: given)
    with pytest.raises(ClusterError, match="modelBlocks: 'auto' found no number"):
        net.fit(rows)


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"numTrainWorkers": 3}, ClusterError, ("numTrainWorkers", "3", "modelBlocks=2")),
        ({"modelBlocks": 9}, ClusterError, ("modelBlocks", "9", "slots")),
        ({"syncEvery": "auto"}, ParamError, ("syncEvery", "found 'auto'")),
        ({"solver": "lamb"}, ParamError, ("solver", "lamb", "modelBlocks")),
        ({"exchange": "spark"}, ParamError, ("modelBlocks", "'sockets'")),
    ],
)
def test_what_blocks_cannot_do_is_said_before_any_job(rows: Any, params: Any, error: Any, words: Any) -> None:
    with pytest.raises(error) as found:
        estimator(**{"layers": LAYERS, "modelBlocks": 2, "numTrainWorkers": 0} | params).fit(rows)
    assert all(word in str(found.value) for word in words)
