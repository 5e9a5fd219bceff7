"""Kernels for other kinds of CPU than this one: the width of vectors, and convolutions compiled for it and run here."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.target import vectors_of

ROOT = Path(__file__).parents[2]
TARGETS = {
    "AVX2": ("haswell", "+avx2,+avx,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe,+popcnt,+sse4.2", 32),
    "x86-64-v2": ("x86-64-v2", "", 16),
}


def flags() -> set[str]:
    """What Linux says that this CPU has."""
    info = Path("/proc/cpuinfo")
    return set(info.read_text().split()) if info.exists() else set()


def runs_here(target: str) -> bool:
    return JIT and platform.machine() in ("x86_64", "AMD64") and (target != "AVX2" or {"avx2", "fma"} <= flags())


@pytest.mark.parametrize(
    ("code", "triple", "expected"),
    [
        ("vaddps %zmm0, %zmm0, %zmm0", "x86_64-unknown-linux-gnu", (64, 32)),
        ("vaddps %ymm0, %ymm0, %ymm0", "x86_64-unknown-linux-gnu", (32, 16)),
        ("addps %xmm0, %xmm0", "x86_64-unknown-linux-gnu", (16, 16)),
        ("fadd v0.4s, v0.4s, v0.4s", "aarch64-unknown-linux-gnu", (16, 32)),
        ("fadd.4s v0, v0, v0", "arm64-apple-darwin23.0.0", (16, 32)),
    ],
)
def test_vectors_are_those_of_the_machine_code(code: str, triple: str, expected: tuple[int, int]) -> None:
    assert vectors_of(code, triple) == expected


@pytest.mark.long
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(t, marks=pytest.mark.skipif(not runs_here(t), reason=f"compiled code for {t} does not run here"))
        for t in TARGETS
    ],
)
def test_convolutions_and_pools_for_another_kind_of_cpu(target: str) -> None:
    name, features, width = TARGETS[target]
    env = os.environ | {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    asked = "from spark_deepnet.kernels.target import VECTOR_BYTES; print(VECTOR_BYTES)"
    found = subprocess.run([sys.executable, "-c", asked], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(found.stdout) == width
    tests = [
        "tests/kernels/test_convolution.py",
        "tests/kernels/test_pooling.py",
        "-k",
        "float32",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run([sys.executable, "-m", "pytest", *tests], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
