"""The only file that sets the compiler's flags: five decorators.

``@kernel`` keeps every bracket and the order of every sum, and NaN and infinity are what they are; only a product and a
sum may fuse into one instruction, which rounds once instead of twice. ``@summing`` is for a kernel that is one sum of
numbers read from memory: it may regroup them, because a vectorised sum needs that. Such a kernel must contain nothing
else: there (a - b) - c and a - (b + c) are the same to the compiler. ``@comparing`` is for one maximum, and leaves open
which number is larger if one is NaN. ``@careful`` does not even fuse: random numbers, rounding to half. ``@caller`` is
for kernels that only call others. All release the GIL and keep the machine code on disk, so that a machine compiles
once. Kernels are module-level functions, never made by factories: forked siblings that compile same-named functions
have collided in numba's cache.

A kernel inlines the kernels that it calls. Otherwise these would be optimized twice, separately and in the caller, to
code that may round differently, and which of the two is called would depend on what the process loaded before. What
kernels call is therefore compiled apart from what Python calls, to LLVM's code alone (``inner.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.core import config
from numba.core.registry import CPUDispatcher

from spark_deepnet.kernels.cache import KernelCache, folders
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
    dispatcher._cache = KernelCache(function, folders())
    return dispatcher  # type: ignore[return-value]


class _Kernel(CPUDispatcher):  # type: ignore[misc]
    """Called from Python it is itself, called from another kernel it is ``inner``."""

    @property
    def _numba_type_(self) -> types.Dispatcher:
        return types.Dispatcher(self.inner)


CACHE_DIR = folders()[0] if JIT else ""
"""The folder of machine code, looked at first."""


def cache_counts(*functions: Any) -> tuple[int, int]:
    """(loaded from the cache, compiled) over all signatures of the kernels given."""
    stats = [f.stats for f in functions if hasattr(f, "stats")]
    return sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats)
