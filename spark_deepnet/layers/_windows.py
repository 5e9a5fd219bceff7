"""Common parts of layers with windows: sizes, strides and padding as fields, and the places of the windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers.layer import Shape

Sides = tuple[int, int]


def is_int(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_count(layer: Any, *names: str, least: int = 1) -> None:
    """Raise a ParamError unless the fields are ints of at least ``least``."""
    for name in names:
        if not is_int(getattr(layer, name), least):
            raise ParamError(
                f"{type(layer).__name__}: {name} must be an int of at least {least}, found {getattr(layer, name)!r}"
            )


def pair(layer: Any, name: str, least: int = 1) -> Sides:
    """A field that is one int for both axes, or (rows, columns)."""
    value = getattr(layer, name)
    if is_int(value, least):
        return value, value
    if isinstance(value, tuple) and len(value) == 2 and all(is_int(v, least) for v in value):
        return value
    raise ParamError(
        f"{type(layer).__name__}: {name} must be an int of at least {least} or two of them, found {value!r}"
    )


def sides(layer: Any, least_end: Sides = (0, 0)) -> str | tuple[Sides, Sides]:
    """The field ``padding``: "same", or ((top, bottom), (left, right)); "valid" is 0, an int is for all four sides, a
    pair for rows and columns. least_end: the least that bottom and right may be."""
    value = layer.padding
    if isinstance(value, str) and value == "same":
        return value
    value = 0 if isinstance(value, str) and value == "valid" else value
    both = (value, value) if is_int(value, 0) else value
    if isinstance(both, tuple) and len(both) == 2:
        two = tuple((v, v) if is_int(v, 0) else v for v in both)
        if all(isinstance(v, tuple) and len(v) == 2 for v in two) and all(
            is_int(before, 0) and is_int(end, least)
            for (before, end), least in zip(two, least_end, strict=True)  # type: ignore[misc]
        ):
            return two  # type: ignore[return-value]
    below = f", bottom at least {least_end[0]} and right {least_end[1]}" if any(least_end) else ""
    raise ParamError(
        f"{type(layer).__name__}: padding must be 'valid', 'same', an int of at least 0, (rows, columns) "
        f"or ((top, bottom), (left, right)){below}, found {layer.padding!r}"
    )


def check_image(layer: Any, x: Shape) -> None:
    if len(x) != 3:
        raise NetworkError(f"{type(layer).__name__} takes rows of (height, width, channels), found {x}")


def along(size: int, window: int, stride: int, padding: str | Sides, dilation: int = 1, ceil: bool = False) -> Shape:
    """(windows, padding before, padding after) along one axis."""
    count = windows(size, window, stride, padding, dilation, ceil)
    if not isinstance(padding, str):
        return (count, *padding)
    total = max((count - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return (count, total // 2, -(-total // 2))


def windows(size: Any, window: int, stride: int, padding: str | Sides, dilation: int = 1, ceil: bool = False) -> Any:
    """The number of windows along axes of these sizes: an int, or an array of ints."""
    if isinstance(padding, str):
        return -(-size // stride)
    before, after = padding
    room = size + before + after - dilation * (window - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    return count - ((count - 1) * stride >= size + before) if ceil else count


def real_windows(lengths: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The output lengths of a layer with this number of windows in rows of these lengths; 0 for rows without steps."""
    return np.where(lengths > 0, np.maximum(counts, 0), 0).astype(np.int32)


def placed(
    layer: Any, x: Shape, window: Sides, strides: Sides, dilation: Sides = (1, 1), ceil: bool = False
) -> tuple[Sides, Window, Sides]:
    """((windows down, windows across), the window, (padding below, padding at the right)) over an image."""
    padding = sides(layer)
    each = (padding, padding) if isinstance(padding, str) else padding
    (down, top, bottom), (across, left, right) = (
        along(x[k], window[k], strides[k], each[k], dilation[k], ceil) for k in (0, 1)
    )
    if down < 1 or across < 1:
        raise NetworkError(
            f"{type(layer).__name__}: no window of {window[0]} x {window[1]} cells fits into an image of "
            f"{x[0]} x {x[1]}; make it smaller or the padding larger"
        )
    return (down, across), Window(*window, *strides, *dilation, top, left), (bottom, right)
