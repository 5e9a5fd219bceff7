"""Every mistake of the table ends soon and in one sentence, and does the session no harm."""

from __future__ import annotations

import time
from typing import Any

import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import ClusterError, DataError, ParamError
from spark_deepnet.spark.params.table import DECLARATIONS
from spark_deepnet.spark.session import cluster
from tests.cases.bad_input import MISTAKES, RANGES, Mistake
from tests.spark.data import blobs, estimator, frame

BOTH = pytest.mark.sessions("classic", "connect")
SOON = 30.0  # seconds: a tenth of what ranks wait for one another
IN_JOBS = [m for m in MISTAKES if m.in_job][::5]
"""Some of those that workers tell: how they come home does not depend on what they are."""


@pytest.fixture(scope="session")
def good(spark: Any) -> Any:
    """Twelve rows that can be trained on; trained on once, so that nobody waits for kernels or Python workers."""
    x, y = blobs(12)
    df = frame(
        spark,
        x,
        y,
        number=range(12),
        weight=[1.0] * 12,
        held=[i % 3 == 2 for i in range(12)],
        text=["xyz"[i] for i in y],
        targets=[[2.0, -1.0]] * 12,
        **{name: [float(v) for v in column] for name, column in zip("abcd", x.T, strict=True)},
    ).cache()
    estimator(numTrainWorkers=2).fit(df)
    return df


def check_sentence(error: BaseException) -> None:
    text = str(error)
    assert "\n" not in text
    assert not any(word in text for word in ("java", "scala", "org.apache", "Traceback", "JVM"))
    assert 20 < len(text) < 400


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_mistake_is_told_soon_and_in_one_sentence(good: Any, mistake: Mistake) -> None:
    check_told(good, mistake)


@pytest.mark.sessions("connect")
@pytest.mark.parametrize("mistake", [m for m in MISTAKES if not m.in_job] + IN_JOBS, ids=lambda m: m.name)
def test_and_over_connect(good: Any, mistake: Mistake) -> None:
    check_told(good, mistake)


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if not m.in_job], ids=lambda m: m.name)
def test_and_by_the_plan_of_a_fit(good: Any, mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeepNetEstimator, "fit", DeepNetEstimator.explainPlan)
    check_told(good, mistake)


def check_told(good: Any, mistake: Mistake) -> None:
    began = time.perf_counter()
    with pytest.raises(mistake.error) as raised:
        mistake.make(good)
    assert time.perf_counter() - began < SOON
    check_sentence(raised.value)
    assert [part for part in mistake.num_stats if part not in str(raised.value)] == []


def test_every_range_has_its_row() -> None:
    assert RANGES.keys() == {name for name, declared in DECLARATIONS.items() if declared.allowed is not None}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in RANGES.items() for v in values])
def test_a_param_out_of_its_range_is_told(good: Any, name: str, value: Any) -> None:
    with pytest.raises(ParamError, match=f"^{name}: must be .*, found {value!r}$"):
        estimator(**{name: value}).fit(good)


@BOTH
def test_dynamic_allocation_is_refused_by_sockets(good: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of = cluster.settings_of
    name = "spark.dynamicAllocation.enabled"
    monkeypatch.setattr(cluster, "settings_of", lambda spark: settings_of(spark) | {name: "true"})
    with pytest.raises(ClusterError, match=name) as raised:
        estimator(exchange="sockets").fit(good)
    check_sentence(raised.value)


@BOTH
def test_an_output_column_that_exists_is_told(good: Any) -> None:
    model = estimator(maxIter=1).fit(good)
    with pytest.raises(DataError, match="'prediction' exists already"):
        model.transform(good.withColumnRenamed("a", "prediction"))
    with pytest.raises(DataError, match="different names"):
        model.copy({model.rawPredictionCol: "prediction"}).transform(good)


@BOTH
def test_after_all_mistakes_every_slot_is_free(good: Any, kind: str) -> None:
    """The last of this file."""
    ranks = 4 if kind == "classic" else 2

    def seconds() -> float:
        began = time.perf_counter()
        assert len(estimator(numTrainWorkers=ranks).fit(good).summary.ranks) == ranks
        return time.perf_counter() - began

    # Spark looks for missing slots every 15 s; a busy machine may take as long, but not always.
    assert any(seconds() < 15.0 for _ in range(3))
