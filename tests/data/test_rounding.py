"""Which features float32 cannot tell apart: found among a few rows, and nothing said of those that it can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.rounding import Rounding
from spark_deepnet.data.schema import STEPS, VECTOR, Columns, Source

N = 64
RNG = np.random.default_rng(2)
PLAIN = RNG.normal(size=N)
EPOCH = 1.7e9


def found(source: Source, rows: list[Any], indices: list[Any] | None = None) -> Any:
    frame = pd.DataFrame({source.exact: pd.Series([np.asarray(row, float) for row in rows], dtype=object)})
    if indices is not None:
        frame[source.columns[2]] = pd.Series(indices, dtype=object)
    told = Rounding(Columns((source,)))
    for start in range(0, len(frame), 10):
        told.look(frame.iloc[start : start + 10])
    return told.summary()


TOLD = {
    "seconds": EPOCH + np.arange(N),
    "milliseconds": 1000 * (EPOCH + 60.0 * np.arange(N)),
    "keys": 2.0**24 + np.arange(N),
    "days with fractions": 20_000 + np.arange(N) / 5000,
    "below 0": -EPOCH - np.arange(N),
}
NOT_TOLD = {
    "chance": RNG.random(N),
    "large and far apart": 1e12 * RNG.random(N),
    "days": EPOCH + 86400.0 * np.arange(N),
    "one value": np.full(N, EPOCH + 1),
    "noise": 0.3 + 2.0**-54 * np.arange(N),
    "not finite": np.where(np.arange(N) % 2, np.nan, 1e300),
    "a few": np.where(np.arange(N) < 2, EPOCH + np.arange(N), 1e10 * np.arange(N)),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_lost_is_told(name: str) -> None:
    ((column, (place, low, high)),) = found(Source((2,), name="f"), list(zip(PLAIN, TOLD[name], strict=True))).items()
    assert (column, place, np.float32(low)) == ("f", 1, np.float32(high))
    assert low < high


@pytest.mark.parametrize("name", NOT_TOLD)
def test_what_is_kept_is_not(name: str) -> None:
    assert found(Source((2,), name="f"), list(zip(PLAIN, NOT_TOLD[name], strict=True))) == {}


def test_steps_and_sparse_vectors_have_features_too() -> None:
    seconds = [[1.0, EPOCH + 2 * i, 2.0, EPOCH + 2 * i + 1] for i in range(N)]
    assert found(Source((2, 2), name="f", kind=STEPS), seconds)["f"][0] == 1
    vectors = Source((50,), name="f", kind=VECTOR)
    sparse = [np.array([4, 40], np.int32)] * N
    assert found(vectors, [[1.0, EPOCH + i] for i in range(N)], sparse)["f"][0] == 40
    assert found(vectors, [[EPOCH + i] * 50 for i in range(N)], [np.zeros(0, np.int32)] * N)["f"][0] == 0


def test_malformed_vectors_are_passed_over() -> None:
    indices = [np.array(own, object) for own in ([-5, 3], [2**31 - 1, 3], [None, 3], [1, 3])] * 9
    told = found(Source((5,), name="f", kind=VECTOR), [[1.0, EPOCH + i] for i in range(36)], indices)
    assert told["f"][0] == 3
