"""Sequences of different lengths, padded with zeros: how a layer keeps the padding out of its result."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError

Shape = tuple[int, ...]
PROBED_STEPS = 8
"""The range of steps tried to detect whether an output's first axis is an axis of steps."""


class Masking(Enum):
    """How a layer runs over padded rows. In each case a row gives the same numbers as by itself.

    The value is the text of the documentation.
    """

    ZEROS = "runs over the padded rows at once: it sees zeros behind a row's last step, and reads lengths where it must"
    BY_LENGTH = "runs over the rows of each length apart, cut to it"
    FULL_LENGTH = "makes features of the steps: every row is padded to the longest of the training rows"


def lengths_by_shape(shape: Callable[[Any], Shape], x: Any, lengths: np.ndarray) -> np.ndarray | None:
    """The output's lengths, derived only from how a layer maps shapes; None if the output's first size does not depend
    on the steps. A row without steps, or too short for the layer, has no steps in the output.

    x: one input's shape, or a tuple of several inputs' shapes.
    """
    steps = (x[0] if isinstance(x[0], tuple) else x)[0]
    near = {size_after(shape, x, n) for n in range(max(1, steps - PROBED_STEPS), steps + PROBED_STEPS)} - {0}
    if len(near - {None}) < 2:
        return None
    known, places = np.unique(lengths, return_inverse=True)
    sizes = [size_after(shape, x, int(n)) or 0 for n in known]
    return np.array(sizes, np.int32)[places].reshape(lengths.shape)


def size_after(shape: Callable[[Any], Shape], x: Any, steps: int) -> int | None:
    """The output's first size for rows of ``steps`` steps: 0 if they do not fit; None: it has no axis."""
    if steps == 0:
        return 0
    try:
        after = shape(with_steps(x, steps))
    except NetworkError:
        return 0
    return after[0] if after else None


def with_steps(x: Any, steps: int) -> Any:
    """The shape, or the shapes, with ``steps`` steps."""
    if isinstance(x[0], tuple):
        return tuple((steps, *own[1:]) for own in x)
    return (steps, *x[1:])
