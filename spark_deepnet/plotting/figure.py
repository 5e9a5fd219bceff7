"""Where pictures are drawn, and how names from users' columns are written in them."""

from __future__ import annotations

from typing import Any

from spark_deepnet.errors import MissingPackageError

MAX_NAME = 24
"""Characters of a name; of longer ones the end is left out."""


def pyplot() -> Any:
    """matplotlib.pyplot; MissingPackageError where matplotlib is not installed."""
    try:
        from matplotlib import pyplot as module
    except ImportError as error:
        raise MissingPackageError(
            f"plots are drawn with the package matplotlib, which does not import ({error}): "
            f'pip install "spark_deepnet[plot]"'
        ) from None
    return module


def axes_or_new(ax: Any, width: float, height: float) -> Any:
    """The Axes given, or those of a new figure of this size in inches."""
    module = pyplot()
    return module.subplots(figsize=(width, height), layout="constrained")[1] if ax is None else ax


def label(text: str) -> str:
    """A name as matplotlib writes it: on one line, not too long, and with its dollar signs, which would begin a formula."""
    line = " ".join(text.split())
    line = line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 1]}…"
    return line.replace("$", r"\$")
