"""On what a benchmark runs: the CPU, the target of the kernels, BLAS and the peer; and how a run is restricted to an older
kind of CPU."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

AVX2_FEATURES = "+avx2,+avx,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe,+popcnt,+sse4.2"
CPUS = {
    "avx2": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": AVX2_FEATURES,
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    }
}
"""Kind of CPU -> what the environment tells numba, MKL, OpenBLAS and PyTorch, before any of them is loaded."""


def restrict(cpu: str) -> None:
    """Let this process and its children compute as on that kind of CPU. ValueError if this CPU lacks its instructions."""
    import llvmlite.binding as llvm

    if not llvm.get_host_cpu_features().get(cpu):
        raise ValueError(f"this machine's CPU, {cpu_name()}, has no {cpu}")
    os.environ.update(CPUS[cpu])


def described() -> Iterator[str]:
    yield f"CPU: {cpu_name()}, {cores()} cores"
    yield f"kernels: {kernels()}"
    yield f"BLAS: {blas()}"
    yield f"peer: {torch()}"


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The model's name, and the numbers by which kinds of one name differ."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    lines = dict(re.findall(r"^(model name|cpu family|model)\s*: (.+)$", text, re.MULTILINE))
    numbers = [f"{what} {lines[key]}" for what, key in (("family", "cpu family"), ("model", "model")) if key in lines]
    return lines.get("model name", platform.machine()) + (f" ({', '.join(numbers)})" if numbers else "")


def kernels() -> str:
    from numba.core import config

    from spark_deepnet.kernels.target import HAS_MASKS, REGISTERS, VECTOR_BYTES

    if config.DISABLE_JIT:
        return "plain Python (NUMBA_DISABLE_JIT)"
    target = config.CPU_NAME or "this CPU"
    masks = "mask registers" if HAS_MASKS else "no mask registers"
    return f"numba for {target}, vectors of {VECTOR_BYTES} bytes, {REGISTERS} registers, {masks}"


def blas() -> str:
    """The library that the kernels call: MKL, or the OpenBLAS that comes with SciPy."""
    import scipy.linalg.cython_blas  # noqa: F401  loads SciPy's
    from threadpoolctl import threadpool_info

    from spark_deepnet.kernels.blas import LIBRARY

    if LIBRARY == "mkl":
        return f"MKL {_mkl_version()}" + _restricted("MKL_ENABLE_INSTRUCTIONS")
    pools = [p for p in threadpool_info() if "scipy.libs" in p["filepath"]]
    return (
        ", ".join(f"{p['internal_api']} {p['version']} of SciPy, {p.get('architecture')}" for p in pools) or "SciPy's"
    )


def _mkl_version() -> str:
    from threadpoolctl import threadpool_info

    return next((str(p["version"]) for p in threadpool_info() if p["internal_api"] == "mkl"), "of unknown version")


def torch() -> str:
    try:
        import torch as peer
    except ModuleNotFoundError:
        return "PyTorch is not installed"
    capability = peer.backends.cpu.get_cpu_capability()
    return f"PyTorch {peer.__version__}, CPU capability {capability}" + _restricted("ONEDNN_MAX_CPU_ISA")


def _restricted(variable: str) -> str:
    return f", {variable}={os.environ[variable]}" if variable in os.environ else ""
