"""Where MNIST's files are: the environment variable MNIST, or shared/data/mnist beside this checkout or above it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.harness import Skipped

PLACE = Path("shared/data/mnist")


def find_mnist() -> Path | None:
    """The folder with MNIST's idx files, gzipped or not; None if there is none."""
    if named := os.environ.get("MNIST"):
        return Path(named) if Path(named).is_dir() else None
    return next((folder / PLACE for folder in Path(__file__).resolve().parents if (folder / PLACE).is_dir()), None)


def mnist_folder() -> Path:
    folder = find_mnist()
    if folder is None:
        where = os.environ.get("MNIST") or f"{PLACE} in no folder above {Path(__file__).resolve().parents[2]}"
        raise Skipped(f"MNIST is not found ({where}); MNIST=dir names a folder with its idx files")
    return folder
