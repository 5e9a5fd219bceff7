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
from importlib import resources
from pathlib import Path
from typing import Any, Self
from zipfile import ZipFile

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


def contents(*texts: bytes) -> str:
    """A hash of what files contain."""
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def archive_of(file: Path) -> Path | None:
    """The zip that holds this module's file, such as one that Spark has sent to workers; None where there is none."""
    return next((parent for parent in file.parents if parent.is_file()), None)


@cache
def folders() -> tuple[str, ...]:
    """The folders of the cache. The first is NUMBA_CACHE_DIR where that is set, and where it cannot be written, or lacks a
    kernel, the user's own."""
    files = sorted((file for file in resources.files(__package__).iterdir() if file.name.endswith(".py")), key=_name)
    kernels = contents(*(file.read_bytes() for file in files))
    return tuple(os.path.join(root, kernels) for root in (config.CACHE_DIR, private_folder()) if root)


def _name(file: Any) -> str:
    return str(file.name)


class _Locator:
    """One kernel's folder within one of ``folders``: what numba asks of a cache's locator. Of a kernel in a zip it is named
    after the place within, since each application has the zip elsewhere."""

    folder = ""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._file, self._line = Path(file), function.__code__.co_firstlineno
        archive = archive_of(self._file)
        source = self._file.relative_to(archive).parent if archive else self._file.resolve().parent
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
        """None where there is no such file, on disk or in a zip: then numba's own locators are asked."""
        return cls(function, file) if os.path.exists(file) or archive_of(Path(file)) else None


@cache
def _stamp(file: Path) -> str:
    archive = archive_of(file)
    if archive is None:
        return contents(file.read_bytes())
    with ZipFile(archive) as packed:
        return contents(packed.read(file.relative_to(archive).as_posix()))


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
