"""Sizes, strides and padding of windows, which Caffe's files give in several forms."""

from __future__ import annotations

from spark_deepnet.formats.caffe.step import Step

MAX_WINDOW = 1 << 16
Pair = tuple[int, int]


def spatial(step: Step, name: str, short: str | None, default: int | None) -> Pair:
    """(rows, columns) from ``name`` (one or two numbers) or, where there are these, from short_h and short_w."""
    both = [int(value) for value in _list(step.get(name))] if _is_set(step, name) else []
    apart = [step.has(f"{short}_{side}") for side in "hw"] if short else []
    if any(apart):
        if both and both != [0]:
            raise step.refusal(f"it has both {name} and {short}_h, {short}_w; one of them is enough")
        pair = (int(step.get(f"{short}_h")), int(step.get(f"{short}_w")))
    elif not both and default is not None:
        pair = (default, default)
    elif len(both) in (1, 2):
        pair = (both[0], both[-1])
    else:
        raise step.refusal(f"{name} has {len(both)} numbers; images have 1 or 2")
    if max(pair) > MAX_WINDOW:
        raise step.refusal(f"{name} {pair} is above the limit of {MAX_WINDOW}")
    return pair


def above_zero(step: Step, name: str, pair: Pair) -> Pair:
    if min(pair) < 1:
        raise step.refusal(f"{name} must be at least 1, found {pair}")
    return pair


def check_image(step: Step) -> None:
    """Refuse inputs that are no images."""
    shape = step.values[0].shape
    if len(shape) != 3:
        raise step.refusal(f"it takes rows of (channels, height, width), found {shape}")


def _is_set(step: Step, name: str) -> bool:
    value = step.get(name)
    return len(value) > 0 if hasattr(value, "extend") else step.has(name)


def _list(value: object) -> list[int]:
    return [value] if isinstance(value, int) else list(value)  # type: ignore[call-overload]
