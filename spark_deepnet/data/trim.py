"""Returns freed memory to the system: allocators keep it, and it counts as the process's own."""

from __future__ import annotations

import ctypes

import pyarrow as pa

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Only in glibc: https://man7.org/linux/man-pages/man3/malloc_trim.3.html"""


def trim_allocators() -> None:
    """Release what Arrow's pool and malloc's heap keep of freed frames."""
    pa.default_memory_pool().release_unused()
    if _trim is not None:
        _trim(0)
