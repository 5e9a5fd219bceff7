"""Networks larger than a worker: their weights with Adam's state are 3 GiB, no worker may hold more than 1.3 GiB, nor the
driver more than 1.

pytest -m slow -s tests/spark/test_large.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pytest
from scipy.special import expit

from spark_deepnet.net.chunks import arrays_of
from tests.spark import large

Array = Callable[[str], np.ndarray]


def run(task: str, name: str, folder: Path) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "tests.spark.large", task, name, str(folder)], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    print(f"\n{name}, {task}: MiB at most", found["peaks"], found.get("loss", ""), found.get("seconds", ""))
    return found


def array_of(model: Path) -> Array:
    """Saved arrays by name, each put together from its blocks' pieces by what the metadata tell."""
    blocks = json.loads(next((model / "metadata").glob("part-*")).read_text())["blocks"]
    data = ds.dataset(model / "data", format="parquet")
    return lambda name: _array(data, blocks, name)


def _array(data: Any, blocks: list[dict[str, Any]], name: str) -> np.ndarray:
    holders = [b for b, own in enumerate(blocks) if name in own]  # the first alone has what all would add
    pieces = []
    for b in holders:
        rows = data.to_table(filter=(ds.field("name") == name) & (ds.field("block") == b)).to_pandas()
        pieces.append(arrays_of(rows.itertuples())[name])
    runs = [blocks[b][name][1] for b in holders]
    if runs[0] is None:
        return pieces[0]
    (axis,) = [k for k, entries in enumerate(runs[0]) if entries is not None]
    order = np.concatenate([np.arange(*run) for own in runs for run in own[axis]])
    return np.concatenate(pieces, axis).take(np.argsort(order), axis)


def mlp(x: np.ndarray, array: Array) -> np.ndarray:
    count, _ = large.HIDDEN["MLP"]
    for k in range(count + 2):
        layer = f"dense_{k + 1}" if k else "dense"
        x = x @ array(f"{layer}/W") + array(f"{layer}/b")
        x = np.maximum(x, 0) if k <= count else x
    return x


def lstm(x: np.ndarray, array: Array) -> np.ndarray:
    count, units = large.HIDDEN["LSTM"]
    for k in range(count):
        W, U, b = (array(f"lstm_{k + 1}/{name}" if k else f"lstm/{name}") for name in "WUb")
        h = c = np.zeros((len(x), units), np.float32)
        states = []
        for step in range(x.shape[1]):
            i, f, g, o = np.split(x[:, step] @ W + h @ U + b, 4, axis=1)
            c = expit(f) * c + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(c)
            states.append(h)
        x = np.stack(states, 1)
    return x[:, -1] @ array("dense/W") + array("dense/b")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MLP", "LSTM"])
def test_no_worker_holds_the_model(name: str, tmp_path: Path) -> None:
    fitted, scored = run("fit", name, tmp_path), run("score", name, tmp_path)
    for found in fitted, scored:
        assert found["peaks"]["worker"] <= large.WORKER
        assert found["peaks"]["driver"] + found["peaks"]["driver JVM"] <= large.DRIVER
    assert fitted["loss"][1] < fitted["loss"][0]
    some = slice(0, large.ROWS, 4)
    expected = {"MLP": mlp, "LSTM": lstm}[name](large.data(name)[0][some], array_of(tmp_path / "model"))
    np.testing.assert_allclose(np.array(scored["raw"])[some], expected, rtol=1e-3, atol=1e-4)
    assert sum(file.stat().st_size for file in (tmp_path / "model" / "data").iterdir()) > 1 << 30
