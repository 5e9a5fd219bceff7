"""The only file that imports numba's compiler: five decorators, one cache.

``@kernel`` keeps every bracket and the order of every sum, and NaN and infinity are what they are; only a product and a
sum may fuse into one instruction, which rounds once instead of twice. ``@summing`` is for a kernel that is one sum of
numbers read from memory: it may regroup them, because a vectorised sum needs that. Such a kernel must contain nothing
else: there (a - b) - c and a - (b + c) are the same to the compiler. ``@comparing`` is for one maximum, and leaves open
which number is larger if one is NaN. ``@careful`` does not even fuse: random numbers, rounding to half. ``@caller`` is
for kernels that only call others. All release the GIL and keep the machine code on disk, so that a machine compiles
once. Kernels are module-level functions, never made by factories: forked siblings that compile same-named functions
have collided in numba's cache.

A kernel inlines the kernels that it calls. Otherwise these would be optimized twice, separately and in the caller, to
code that may round differently, and which of the two is called would depend on what the process loaded before.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.core import config
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

from spark_deepnet.kernels.inner import INNER_OPTIONS, InnerCompiler

F = TypeVar("F", bound=Callable[..., Any])
JIT = not config.DISABLE_JIT


def kernel(function: F) -> F:
    """Compile as written, except that products and sums may fuse."""
    return _compiled(function, fastmath={"contract"}, forceinline=True)


def summing(function: F) -> F:
    """Compile one plain sum, whose terms may be regrouped."""
    return _compiled(function, fastmath={"contract", "reassoc", "nsz"}, forceinline=True)


def comparing(function: F) -> F:
    """Compile one plain maximum; if some numbers are NaN, any number may be returned."""
    return _compiled(function, fastmath={"nnan", "nsz"}, forceinline=True)


def careful(function: F) -> F:
    """Compile exactly as written."""
    return _compiled(function, fastmath=False, forceinline=True)


def caller(function: F) -> F:
    """Compile a kernel without float arithmetic of its own; it is not inlined into its callers, which compiles
    faster."""
    return _compiled(function, fastmath=False, forceinline=False)


def _compiled(function: F, **options: Any) -> F:
    if not JIT:
        return np.errstate(all="ignore")(function)  # as silent as compiled code
    options |= {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    dispatcher = _Kernel(function, targetoptions={"nopython": True, "boundscheck": None, **options})
    dispatcher.inner = numba.njit(function, pipeline_class=InnerCompiler, **options | INNER_OPTIONS)
    dispatcher._cache = _cache_of(function)
    return dispatcher  # type: ignore[return-value]


class _Kernel(CPUDispatcher):  # type: ignore[misc]
    """Called from Python it is itself, called from another kernel it is ``inner``."""

    @property
    def _numba_type_(self) -> types.Dispatcher:
        return types.Dispatcher(self.inner)


class _MendingCache(FunctionCache):  # type: ignore[misc]
    """numba's cache, but a damaged file is deleted and the kernel compiled again, instead of ending the fit."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling a truncated file raises nearly anything
            self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:  # a damaged index, or a full disk: the compiled kernel works all the same
            self.flush()


def _cache_of(function: Callable[..., Any]) -> FunctionCache:
    """The cache is pickle, so it is in a folder that only this user can write to; set around the constructor, which
    reads it."""
    before, config.CACHE_DIR = config.CACHE_DIR, config.CACHE_DIR or CACHE_DIR
    try:
        return _MendingCache(function)
    finally:
        config.CACHE_DIR = before


def _private_folder() -> str:
    """``$XDG_CACHE_HOME/spark_deepnet``, otherwise a folder in the temporary folder; mode 0700, owned by this user."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    uid = os.getuid() if hasattr(os, "getuid") else 0
    for folder in (Path(home) / "spark_deepnet", Path(tempfile.gettempdir()) / f"spark_deepnet-{uid}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            status = folder.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == uid and os.access(folder, os.W_OK):
            return str(folder)
    return tempfile.mkdtemp(prefix="spark_deepnet-")


def _age_of_kernels() -> str:
    """numba watches a kernel's own file but not the files of the kernels that it inlines; their age names the folder."""
    here = Path(__file__).parent
    ages = [path.stat().st_mtime_ns for path in here.glob("*.py")] if here.is_dir() else []
    return f"{max(ages, default=0):x}"


CACHE_DIR = os.path.join(_private_folder(), _age_of_kernels()) if JIT else ""


def cache_counts(*functions: Any) -> tuple[int, int]:
    """(loaded from the cache, compiled) over all signatures of the kernels given."""
    stats = [f.stats for f in functions if hasattr(f, "stats")]
    return sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats)
