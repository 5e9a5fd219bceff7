"""Rows that a fit may leave out: those with something missing, in any kind of column, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.missing import complete_rows
from spark_deepnet.data.schema import IMAGE, STEPS, Columns, Source, Target
from tests.data.frames import NULL, arrays, dense, lists, sources, sparse, vectors
from tests.data.shards import read_shard

NAN, INF = float("nan"), float("inf")
CLASS = (Target("y", classes=2),)
IMAGES = [*zip([2, 2, None], [1, 1, 1], [1, 1, 1], [0, 0, 0], strict=True)]


def images() -> pd.DataFrame:
    names = ("height", "width", "channels", "mode")
    columns = {f"features {n}": pd.Series(c) for n, c in zip(names, zip(*IMAGES, strict=True), strict=True)}
    blobs = {"features x": pd.Series([b"ab", None, None], dtype=object), "features origin": ["a", "b", "c"]}
    return pd.DataFrame(columns | blobs | {"label": [1.0, 1.0, 1.0]})


CASES: dict[str, tuple[Columns, pd.DataFrame, list[bool]]] = {
    "lists": (Columns(sources(2), CLASS), arrays([[1, 2], None, [NAN, 1], [1, INF], [3, 4]], label=[0.0, 1, 1, 1, NAN]),
              [True, False, False, False, False]),
    "vectors": (Columns(sources(3, vectors=True), CLASS),
                vectors([dense([1, 2, 3]), NULL, sparse([0, NAN, 0]), sparse([0, 1, 0])], label=[0.0, 1, 1, None]),
                [True, False, False, False]),
    "steps": (Columns((Source((4, 2), kind=STEPS),), CLASS),
              arrays([[1, 2, 3, 4], [], None, [1, NAN]], label=[0.0, 1, 1, 1]), [True, True, False, False]),
    "tokens": (Columns((Source((2,), tokens=3),), CLASS),
               arrays([[0, 2], [0, 3], [1, -1], None], label=[0.0, 1, 1, 1]), [True, False, False, False]),
    "images": (Columns((Source((2, 1, 1), kind=IMAGE),), CLASS), images(), [True, False, False]),
    "several targets": (Columns(sources(1), (Target("y", labels=2),)),
                        arrays([[1]] * 4, label=lists([[1, 2], None, [NAN, 1], [0, 0]], np.float64)),
                        [True, False, False, True]),
    "a target": (Columns(sources(1), (Target("y", labels=1),)), arrays([[1]] * 3, label=[1.5, INF, None]),
                 [True, False, False]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rows_with_something_missing_are_left_out_and_counted(name: str) -> None:
    columns, frame, complete = CASES[name]
    assert complete_rows(frame, columns).tolist() == complete
    skipping = read_shard([frame], replace(columns, skips=True))
    alone = read_shard([frame[complete]], columns)
    assert (skipping.skipped, dict(skipping.faults)) == (complete.count(False), {})
    assert (len(skipping.train), skipping.fingerprint) == (complete.count(True), alone.fingerprint)
    assert sum(read_shard([frame], columns).faults.values()) > 0, "where nothing is skipped they are faults"


WRONG: dict[str, tuple[Columns, Any]] = {
    "another length": (Columns(sources(2), CLASS), arrays([[1, 2], [1], None], label=[0.0, 1, 1])),
    "a fraction": (Columns(sources(1), CLASS), arrays([[1], [2], [NAN]], label=[0.0, 0.5, 1])),
    "an unknown class": (Columns(sources(1), CLASS), arrays([[1], [2], None], label=[0.0, 2, 1])),
    "a weight": (Columns(sources(1), CLASS, weight="w"), arrays([[1], None], label=[0.0, 1], weight=[-1.0, 1])),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_stays_wrong(name: str) -> None:
    columns, frame = WRONG[name]
    shard = read_shard([frame], replace(columns, skips=True))
    assert sum(count for what, count in shard.faults.items() if "null; fill" not in what) == 1
