"""Layers give the same bits whether their kernels were compiled in this process or loaded from numba's cache on disk.

``python -m tests.layers.test_cached_kernels few | all`` prints a hash of what each of these layers computes.
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
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.simple_rnn import SimpleRNN
from tests.cases.layer_case import LayerCase
from tests.cases.layers import LAYERS
from tests.layers.test_laws import Passes

ROOT = Path(__file__).parents[2]
N = 20
"""Rows: convolution takes those beyond the first few by tiles of two heights."""
WIDE = [
    (BatchNorm(), (4, 4, 70)),
    (Conv2D(70, 3, groups=70), (5, 4, 70)),
    (LayerNorm(), (3, 70)),
    (MaxPool2D(3, 2), (7, 7, 70)),
    (MultiHeadAttention(2), (9, 70)),
    (SimpleRNN(70), (4, 70)),
]
"""One of each sort, of those that compile fast, with channels enough to fill vectors and leave a rest."""
CASES = {
    "few": [LayerCase(layer, x, lambda w, x: x, training=True) for layer, x in WIDE],
    "all": LAYERS,
}


def bits(case: LayerCase, dtype: Any) -> str:
    """A hash of the output and of all gradients of one row of the table."""
    p = Passes(case, N, dtype)
    y, dx = p.forward(), p.room()
    gradients = p.backward(*p.read(y), p.dy, dx)
    found = hashlib.sha256()
    for array in (y, *gradients.values(), *(dx if case.layer.multi_input else (dx,))):
        found.update(array.tobytes())
    return found.hexdigest()


def main(which: str) -> None:
    print(json.dumps({case.id: bits(case, np.float32) for case in CASES[which]}))


def hashes(which: str, home: Path) -> dict[str, str]:
    """What a process of its own prints, with its cache in that folder."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-m", "tests.layers.test_cached_kernels", which]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.long
@pytest.mark.skipif(not JIT, reason="numba is switched off")
@pytest.mark.parametrize("which", ["few", pytest.param("all", marks=pytest.mark.slow)])
def test_loaded_kernels_compute_the_same_bits_as_compiled_ones(which: str, tmp_path: Path) -> None:
    compiled, kept = hashes(which, tmp_path), kernels(tmp_path)
    loaded = hashes(which, tmp_path)
    assert len(compiled) == len(CASES[which])
    assert [name for name, found in compiled.items() if loaded[name] != found] == []
    assert kernels(tmp_path) == kept  # the second process compiled none


def kernels(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*.nbc"))


if __name__ == "__main__":
    main(sys.argv[1])
