"""Rows that are sequences of different lengths, padded with zeros: how a layer keeps the padding out of its result."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError

Shape = tuple[int, ...]
PROBED_STEPS = 8
"""How many steps more and fewer are tried to see whether an output's first axis is one of steps."""


class Masking(Enum):
    """How a layer runs over rows of which some are padded. Whichever it is, a row gives the numbers that it gives alone.

    The value is the sentence of the documentation.
    """

    ZEROS = "runs over the padded rows at once: it sees zeros behind a row's last step, and reads lengths where it must"
    BY_LENGTH = "runs over the rows of each length apart, cut to it"
    FULL_LENGTH = "makes features of the steps: every row is padded to the longest of the training rows"


def lengths_by_shape(shape: Callable[[Any], Shape], x: Any, lengths: np.ndarray) -> np.ndarray | None:
    """The output's lengths where all that is known of a layer is how it maps shapes; None where its output's first size
    does not depend on the steps. A row too short for the layer has no steps behind it, nor has a row of none.

    x: one input's shape, or a tuple of those of several.
    """
    steps = (x[0] if isinstance(x[0], tuple) else x)[0]
    near = {size_after(shape, x, n) for n in range(max(1, steps - PROBED_STEPS), steps + PROBED_STEPS)} - {0}
    if len(near - {None}) < 2:
        return None
    known, places = np.unique(lengths, return_inverse=True)
    sizes = [size_after(shape, x, int(n)) or 0 for n in known]
    return np.array(sizes, np.int32)[places].reshape(lengths.shape)


def size_after(shape: Callable[[Any], Shape], x: Any, steps: int) -> int | None:
    """The output's first size for rows of so many steps: 0 where they do not fit; None: it has no axis."""
    if steps == 0:
        return 0
    try:
        found = shape(with_steps(x, steps))
    except NetworkError:
        return 0
    return found[0] if found else None


def with_steps(x: Any, steps: int) -> Any:
    """The shape, or the shapes, with so many steps."""
    if isinstance(x[0], tuple):
        return tuple((steps, *own[1:]) for own in x)
    return (steps, *x[1:])
