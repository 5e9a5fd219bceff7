"""Layers give the same bits whether their kernels were compiled in this process or loaded from numba's cache on disk.

``python -m tests.layers.test_cached_kernels [layer ...]`` prints a hash of what every row of the table computes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT
from tests.cases.layer_case import LayerCase
from tests.cases.layers import LAYERS
from tests.layers.test_laws import Passes

ROOT = Path(__file__).parents[2]
N = 20
"""Rows: convolution takes those beyond the first few by tiles of two heights."""
FEW = [
    "BatchNorm()",
    "Conv2D(3, 3, groups=3)",
    "LayerNorm()",
    "MaxPool2D()",
    "MultiHeadAttention(2)",
    "SimpleRNN(3)",
]
"""One of each sort, of those that compile fast."""


def bits(case: LayerCase, dtype: Any) -> str:
    """A hash of the output and of all slopes of one row of the table."""
    p = Passes(case, N, dtype)
    y, dx = p.forward(), p.room()
    slopes = p.backward(*p.read(y), p.dy, dx)
    found = hashlib.sha256()
    for array in (y, *slopes.values(), *(dx if case.layer.many else (dx,))):
        found.update(array.tobytes())
    return found.hexdigest()


def main(layers: list[str]) -> None:
    cases = [case for case in LAYERS if not layers or repr(case.layer) in layers]
    print(json.dumps({case.id: bits(case, np.float32) for case in cases}))


def hashes(layers: list[str], home: Path) -> dict[str, str]:
    """What a process of its own prints, with its cache in that folder."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-m", "tests.layers.test_cached_kernels", *layers]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not JIT, reason="numba is switched off")
@pytest.mark.parametrize("layers", [pytest.param(FEW, id="few"), pytest.param([], id="all", marks=pytest.mark.slow)])
def test_loaded_kernels_compute_the_same_bits_as_compiled_ones(layers: list[str], tmp_path: Path) -> None:
    compiled, kept = hashes(layers, tmp_path), kernels(tmp_path)
    loaded = hashes(layers, tmp_path)
    assert len(compiled) >= max(len(layers), 1)
    assert [name for name, found in compiled.items() if loaded[name] != found] == []
    assert kernels(tmp_path) == kept  # the second process compiled none


def kernels(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*.nbc"))


if __name__ == "__main__":
    main(sys.argv[1:])
