"""The cache of compiled kernels: private, used by the next process, and mended when damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT, cache_counts, careful, kernel

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json
import numpy as np
from spark_deepnet.kernels import jit
from spark_deepnet.layers import tanh
x, y = np.linspace(-1, 1, 5, dtype=np.float32), np.empty(5, np.float32)
tanh.Tanh().value(x, y)
print(json.dumps({"y": y.tolist(), "counts": jit.cache_counts(tanh._value), "folder": jit.CACHE_DIR}))
"""
compiled = pytest.mark.skipif(not JIT, reason="numba is switched off")


def run(home: Path, folder: Path = ROOT, program: str = PROGRAM) -> dict[str, Any]:
    """What the program prints in a process of its own with that cache."""
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"XDG_CACHE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=env, cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    np.testing.assert_allclose(result["y"], np.tanh(np.linspace(-1, 1, 5)), rtol=1e-6)
    return result


@compiled
def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert first["counts"] == [0, 1]
    assert run(tmp_path)["counts"] == [1, 0]
    assert Path(first["folder"]).parent == tmp_path / "spark_deepnet"
    assert (tmp_path / "spark_deepnet").stat().st_mode & 0o777 == 0o700


@compiled
def test_a_zip_loads_what_another_copy_of_it_compiled(tmp_path: Path) -> None:
    """As Spark sends --py-files: into another folder for each application."""
    zipped = shutil.make_archive(str(tmp_path / "sent"), "zip", ROOT, "spark_deepnet")
    sent = "import sys; sys.path.insert(0, './sent.zip'); import spark_deepnet; assert 'sent.zip' in spark_deepnet.__file__"
    counts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(zipped, tmp_path / name)
        counts.append(run(tmp_path / "cache", tmp_path / name, sent + PROGRAM)["counts"])
    assert counts == [[0, 1], [1, 0]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the program has filled."""
    home = tmp_path_factory.mktemp("filled")
    run(home)
    return home


@pytest.mark.long
@compiled
@pytest.mark.parametrize("suffixes", [("nbi",), ("nbc",), ("nbi", "nbc")])
def test_a_truncated_cache_is_compiled_anew(filled: Path, tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    for path in [path for suffix in suffixes for path in tmp_path.rglob(f"*.{suffix}")]:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    assert run(tmp_path)["counts"] == [0, 1]
    assert run(tmp_path)["counts"] == [1, 0]


@compiled
def test_a_home_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("not a folder")
    assert not run(home)["folder"].startswith(str(home))


@kernel
def fast_sum(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total


@careful
def careful_sum(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total


def test_both_decorators_compute() -> None:
    x = np.arange(10.0)
    assert fast_sum(x) == careful_sum(x) == 45
    assert np.isnan(careful_sum(np.array([1.0, np.nan])))
    assert sum(cache_counts(fast_sum, careful_sum)) == (2 if JIT else 0)


def test_careful_keeps_the_order_of_sums() -> None:
    assert careful_sum(np.array([1e16, 1.0, -1e16, 1.0])) == 1.0
