"""Where machine code is kept between processes: numba's cache, in a folder named after what the kernels contain.

numba watches a kernel's own file but not the files of the kernels that it inlines, so a hash of all of them names the
folder. Times of files are never asked: an image of a cluster rounds them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache


def private_folder() -> str:
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


def contents(*paths: Path) -> str:
    """A hash of what the files contain."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:16]


@cache
def folders() -> tuple[str, ...]:
    """The folders of the cache. The first is NUMBA_CACHE_DIR where that is set, and where it cannot be written, or lacks a
    kernel, the user's own."""
    here = Path(__file__).parent
    kernels = contents(*sorted(here.glob("*.py"))) if here.is_dir() else "packed"
    return tuple(os.path.join(root, kernels) for root in (config.CACHE_DIR, private_folder()) if root)


class _Locator:
    """One kernel's folder within one of ``folders``: what numba asks of a cache's locator."""

    folder = ""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._file, self._line = Path(file), function.__code__.co_firstlineno
        source = self._file.resolve().parent
        part = hashlib.sha256(str(source).encode()).hexdigest()[:16]
        self._path = os.path.join(self.folder, f"{source.name}_{part}")

    def ensure_cache_path(self) -> None:
        os.makedirs(self._path, exist_ok=True)

    def get_cache_path(self) -> str:
        return self._path

    def get_source_stamp(self) -> str:
        return _stamp(self._file)

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> Self | None:
        """None where the file is not on disk, as within a zip: then numba's own locators are asked."""
        return cls(function, file) if os.path.exists(file) else None


@cache
def _stamp(file: Path) -> str:
    return contents(file)


class KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's cache in the given folders; a damaged file is deleted and the kernel compiled again, instead of ending the
    fit."""

    misses = 0
    """Kernels that this process has not found in any folder."""

    def __init__(self, function: Callable[..., Any], places: tuple[str, ...]) -> None:
        locator = type("Locator", (_Locator,), {"folder": places[0]})
        numbas = CompileResultCacheImpl._locator_classes
        self._impl_class = type("Impl", (CompileResultCacheImpl,), {"_locator_classes": [locator, *numbas]})
        super().__init__(function)
        self._behind = KernelCache(function, places[1:]) if places[1:] else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            cached = super().load_overload(sig, target_context)
        except Exception:  # unpickling a truncated file raises nearly anything
            self.flush()
            cached = None
        if cached is None and self._behind is not None:
            return self._behind.load_overload(sig, target_context)
        KernelCache.misses += cached is None
        return cached

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a damaged index, a full disk, a read-only folder: the kernel works all the same
            if self._behind is not None and isinstance(error, OSError):
                self._behind.save_overload(sig, data)
            else:
                self.flush()

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            return
