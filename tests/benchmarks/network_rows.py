"""Training steps of networks, batch 128 or 16, one thread: time beside PyTorch's, as a share of sgemm's peak, memory beside
PyTorch's, and how long a new process compiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spark_deepnet.kernels.blas import LIBRARY, gemm
from spark_deepnet.kernels.memory import aligned
from tests.benchmarks.harness import Row, in_turns, paired_row, row, seconds
from tests.benchmarks.networks.network import data
from tests.benchmarks.networks.step import ours, peer
from tests.benchmarks.networks.table import NETWORKS

SQUARE = 1024
"""Rows and columns of the product that shows sgemm's peak."""
NOT_THE_USERS = ("NUMBA_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")
"""With the second, Python itself would compile all of numba again in every process."""
WARM = 24
"""Rows at most of the steps before memory is looked at: enough for every kernel that a batch of 128 calls; half of a
smaller batch."""


def step_row(name: str, title: str) -> Row:
    """Its share of the peak counts products with a convolution's border of zeros too, though they are left out."""
    network = NETWORKS[name]
    with threadpool_limits(1):
        step, products = ours(network, network.rows)
        sides = step, peer(network, network.rows), product()
        mine, other, square = in_turns(sides, network.repeats)
    made = paired_row(title, "ms", mine, other, "PyTorch eager, 1 thread", 1.0 if LIBRARY == "mkl" else 1.3, 1e3)
    speed, peak = 2 * products / median(mine) / 1e9, 2 * SQUARE**3 / median(square) / 1e9
    note = f"{speed / peak:.0%} of sgemm's {peak:.0f} GFLOP/s"
    return made | {"gflops": speed, "peak_gflops": peak, "note": note}


def product() -> Callable[[], object]:
    """A product of large matrices through the package's BLAS, in the same turns as the steps, so that a busy machine slows
    both."""
    a, b, c = (aligned((SQUARE, SQUARE)) for _ in range(3))
    a[:], b[:] = np.random.default_rng(7).standard_normal((2, SQUARE, SQUARE), np.float32)
    return lambda: gemm(a, b, 0.0, c)


def memory_row(name: str, title: str) -> Row:
    return row(title, "MB", *(child("memory", side, name) / 1e6 for side in ("ours", "peer")), "PyTorch eager", 1.0)


def memory(side: str, name: str) -> float:
    """Bytes by which the process grows at most in three steps of a batch, from the making of the network and the batch on,
    less the batch; by then steps of a few rows have loaded and compiled all code, and what they held is given back."""
    network = NETWORKS[name]
    make: Any = {"ours": lambda rows: ours(network, rows)[0], "peer": lambda rows: peer(network, rows)}[side]
    with threadpool_limits(1):
        run(make(min(WARM, network.rows // 2)))
        trim()
        Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is counted
        before = status("VmRSS")
        run(make(network.rows))
    return status("VmHWM") - before - data(network, network.rows)[0].nbytes


def run(step: Callable[[], object]) -> None:
    for _ in range(3):
        step()


def trim() -> None:
    """Free memory to the system, so that it is not counted as there already."""
    import ctypes
    import gc

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def compile_row(name: str, title: str, which: int, bound: float) -> Row:
    return row(title, "s", compile_seconds(name)[which], bound, "the bound", 1.0)


@cache
def compile_seconds(name: str) -> tuple[float, float]:
    """By how much making the network and its first step outlast its second in a new process: with an empty cache, and the
    median of three from it."""
    with tempfile.TemporaryDirectory() as folder:
        child("import", "ours", name)  # and leaves Python's own cache filled
        cold, *loaded = (child("compile", "ours", name, XDG_CACHE_HOME=folder) for _ in range(4))
    return cold, median(loaded)


def first_step(name: str) -> float:
    made: list[Callable[[], object]] = []

    def first() -> None:
        made.append(ours(NETWORKS[name], NETWORKS[name].rows)[0])
        made[0]()

    return seconds(first) - seconds(made[0])


def child(*arguments: str, **settings: str) -> float:
    """What a process of its own measures."""
    environment = {k: v for k, v in os.environ.items() if k not in NOT_THE_USERS} | settings
    command = [sys.executable, "-m", "tests.benchmarks.network_rows", *arguments]
    return float(json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout))


def benches(name: str) -> dict[str, Callable[[], Row]]:
    title = f"network {name}"
    return {
        f"{title}, step": partial(step_row, name, f"{title}, step"),
        f"{title}, memory": partial(memory_row, name, f"{title}, memory"),
        f"{title}, compile cold": partial(compile_row, name, f"{title}, compile cold", 0, 10.0),
        f"{title}, compile cached": partial(compile_row, name, f"{title}, compile cached", 1, 0.7),
    }


BENCHES: dict[str, Callable[[], Row]] = {title: bench for name in NETWORKS for title, bench in benches(name).items()}

if __name__ == "__main__":
    _, measure, side, name = sys.argv
    print(
        json.dumps(
            {"memory": lambda: memory(side, name), "compile": lambda: first_step(name), "import": float}[measure]()
        )
    )
