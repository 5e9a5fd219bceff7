"""Pooling."""

from __future__ import annotations

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.formats.caffe.types._windows import above_zero, check_image, spatial
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.max_pool2d import MaxPool2D

_KINDS = {0: MaxPool2D, 1: AveragePool2D}


@reads("Pooling", param="pooling_param", gives="max_pool2d, average_pool2d")
def pooling(step: Step) -> Value:
    """MAX and AVE; the last window may reach over the edge unless round_mode is FLOOR."""
    check_image(step)
    kind = _KINDS.get(step.get("pool"))
    if kind is None:
        raise step.refusal("pool: STOCHASTIC draws at random in scoring too, which is not supported; use MAX or AVE")
    size, padding = step.values[0].shape[1:], spatial(step, "pad", "pad", 0)
    strides = above_zero(step, "stride", spatial(step, "stride", "stride", 1))
    window, ceil = (size[0], size[1]), step.get("round_mode") == 0 and step.get("ceil_mode")
    if not step.get("global_pooling"):
        window = above_zero(step, "kernel_size", spatial(step, "kernel_size", "kernel", None))
    elif padding != (0, 0) or strides != (1, 1) or step.has("kernel_size"):
        raise step.refusal("global_pooling goes with no kernel_size, pad or stride")
    if ceil and padding == (0, 0):
        _check_last_window(step, size, window, strides)
    return step.add(kind(window, strides=strides, padding=padding, ceil=bool(ceil)))


def _check_last_window(step: Step, size: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]) -> None:
    """Without padding Caffe keeps a last window that begins outside the image, which has no numbers in it."""
    for n, k, s in zip(size, window, strides, strict=True):
        if n >= k and -(-(n - k) // s) * s >= n:
            raise step.refusal(
                f"with stride {s} above the kernel of {k} the last window would begin outside an axis of {n}, where Caffe "
                f"reads beyond the image; use round_mode: FLOOR"
            )
