"""What a first fit waits for: kernels that are not compiled yet."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from spark_deepnet.kernels.cache import folders
from spark_deepnet.kernels.jit import CACHE_DIR
from spark_deepnet.train.warm_up import SECONDS

MIN_SECONDS = 2.0
"""Of compiling, from which on it is logged behind the job."""
_log = logging.getLogger(__name__)
_noted: list[str] = []
"""The cache folders of which this process has said that they are empty."""


def note_first_fit(master: str) -> bool:
    """Say, once in a process, that workers on this machine will compile; whether they will."""
    if not master.startswith("local") or any(os.path.isdir(folder) for folder in folders()):
        return False
    if CACHE_DIR not in _noted:
        _noted.append(CACHE_DIR)
        _log.warning("fit: compiling kernels, some %g s; kept in %s for later fits", SECONDS, CACHE_DIR)
    return True


def log_compiling(ranks: Sequence[dict[str, Any]]) -> None:
    """After a job: how long its ranks have compiled."""
    seconds = max((rank["seconds"].get("compiling", 0.0) for rank in ranks), default=0.0)
    if seconds >= MIN_SECONDS:
        _log.info("fit: workers compiled kernels for %.1f s; later fits of such networks find them", seconds)
