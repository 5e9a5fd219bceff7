"""The rows of the layers for images and sequences in tests/cases/layers.py: references written as plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.local_response_norm import LocalResponseNorm
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.mean_subtraction import MeanSubtraction
from spark_deepnet.layers.random_crop import RandomCrop
from spark_deepnet.layers.random_flip import RandomFlip
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.resizing import Resizing
from spark_deepnet.layers.spatial_dropout2d import SpatialDropout2D
from spark_deepnet.layers.up_sampling2d import UpSampling2D
from spark_deepnet.layers.zero_padding2d import ZeroPadding2D
from tests.cases.layer_case import KEY, LayerCase, rows_numbers, splitmix

Reference = Callable[[dict[str, np.ndarray], Any], np.ndarray]
Four = tuple[int, int, int, int]


def same(size: int, window: int, stride: int) -> tuple[int, int]:
    """Keras's padding before and after one axis."""
    total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def windows(x: np.ndarray, size: Any, strides: Any, pads: Four, dilation: int, fill: float) -> np.ndarray:
    """(n, h, w, rows of the window, columns of the window, channels) of x with borders (top, bottom, left, right)."""
    top, bottom, left, right = pads
    wide = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    spans = [dilation * (s - 1) + 1 for s in size]
    down = range(0, wide.shape[1] - spans[0] + 1, strides[0])
    across = range(0, wide.shape[2] - spans[1] + 1, strides[1])
    found = [[wide[:, h : h + spans[0] : dilation, w : w + spans[1] : dilation] for w in across] for h in down]
    return np.stack([np.stack(row, axis=1) for row in found], axis=1)


def resized(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """Along rows, then along columns, between the two cells around each point."""
    for axis, size in ((1, height), (2, width)):
        cells = x.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
        low = np.floor(at).astype(int)
        a, b = x.take(low, axis), x.take(np.minimum(low + 1, cells - 1), axis)
        x = a + (at - low).reshape((-1, 1, 1) if axis == 1 else (-1, 1)) * (b - a)
    return x


def conv(strides: Any = (1, 1), pads: Four = (0, 0, 0, 0), dilation: int = 1, groups: int = 1) -> Reference:
    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        W = w["W"]
        cells = windows(x, W.shape[:2], strides, pads, dilation, 0.0)
        parts = zip(np.split(cells, groups, axis=-1), np.split(W, groups, axis=-1), strict=True)
        y = np.concatenate([np.einsum("nhwijc,ijcf->nhwf", c, v) for c, v in parts], axis=-1)
        return y + w.get("b", 0.0)

    return reference


def conv_line(stride: int = 1, pads: tuple[int, int] = (0, 0), dilation: int = 1, groups: int = 1) -> Reference:
    image = conv((1, stride), (0, 0, *pads), dilation, groups)

    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        return image({**w, "W": w["W"][None]}, x[:, None])[:, 0]

    return reference


def spread(size: Any, stride: int, pads: Four, groups: int = 1) -> Reference:
    """Transposed convolution: every input adds its window to y, then the borders are cut off, or added if below 0."""

    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        W, (top, bottom, left, right) = w["W"], pads
        n, height, width, _ = x.shape
        fields = W.shape[2]
        down, across = (height - 1) * stride + W.shape[0] - bottom, (width - 1) * stride + W.shape[1] - right
        y = np.zeros((n, down + abs(bottom), across + abs(right), fields * groups))
        xs, Ws = np.split(x, groups, axis=-1), np.split(W, groups, axis=-1)
        for g, h, v in np.ndindex(groups, height, width):
            part = y[:, h * stride : h * stride + W.shape[0], v * stride : v * stride + W.shape[1]]
            part[..., g * fields : (g + 1) * fields] += np.einsum("nc,ijfc->nijf", xs[g][:, h, v], Ws[g])
        return y[:, top:down, left:across] + w.get("b", 0.0)

    return reference


def pooled(size: Any, strides: Any, pads: Four, of: Callable[..., np.ndarray]) -> Reference:
    return lambda w, x: of(windows(x, size, strides, pads, 1, np.nan), axis=(3, 4))


def averaged(size: Any, strides: Any, pads: Four) -> Reference:
    """Zeros of the padding count."""
    return lambda w, x: windows(x, size, strides, pads, 1, 0.0).mean(axis=(3, 4))


def normed(axes: tuple[int, ...], epsilon: float = 1e-3) -> Reference:
    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        if len(x) == 0:
            return x
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        return w.get("gamma", 1.0) * (x - mean) / np.sqrt(variance + epsilon) + w.get("beta", 0.0)

    return reference


def moved(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    scale = w.get("gamma", 1.0) / np.sqrt(w["moving_variance"] + 1e-3)
    return scale * (x - w["moving_mean"]) + w.get("beta", 0.0)


def responded(size: int, alpha: float, beta: float, k: float, across: bool) -> Reference:
    half = size // 2

    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        total = np.zeros_like(x)
        for n, i, j, c in np.ndindex(x.shape):
            if across:
                near = x[n, i, j, max(0, c - half) : c + half + 1]
            else:
                near = x[n, max(0, i - half) : i + half + 1, max(0, j - half) : j + half + 1, c]
            total[n, i, j, c] = (near**2).sum()
        return x / (k + alpha / size ** (1 if across else 2) * total) ** beta

    return reference


def drawn(n: int, i: int) -> np.ndarray:
    """The i-th 64 random bits of each of n rows."""
    return splitmix(splitmix(np.full(n, KEY), rows_numbers(n)), np.full(n, i, np.uint64))


def silenced(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    bits = np.stack([drawn(len(x), c) for c in range(x.shape[3])], axis=1).astype(np.float64)
    return np.where((bits >= 0.4 * 2.0**64)[:, None, None, :], x / 0.6, 0)


def cropped(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    top, left = drawn(len(x), 0) % np.uint64(4), drawn(len(x), 1) % np.uint64(2)
    rows = [x[n, int(t) : int(t) + 3, int(v) : int(v) + 4] for n, (t, v) in enumerate(zip(top, left, strict=True))]
    return np.stack(rows) if rows else np.zeros((0, 3, 4, 2))


def mirrored(vertical: bool, horizontal: bool) -> Reference:
    def reference(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        bits, y = splitmix(np.full(len(x), KEY), rows_numbers(len(x))), x.copy()
        for n in range(len(x)):
            y[n] = y[n, ::-1] if vertical and int(bits[n]) >> 63 & 1 else y[n]
            y[n] = y[n, :, ::-1] if horizontal and int(bits[n]) >> 62 & 1 else y[n]
        return y

    return reference


IMAGE_LAYERS = [
    LayerCase(
        Conv2D(3, 3),
        (5, 6, 2),
        conv(),
        bad=(
            (lambda: Conv2D(0, 3), "filters must be an int of at least 1, found 0"),
            (lambda: Conv2D(3, 0), "kernel_size must be an int of at least 1 or two of them, found 0"),
            (lambda: Conv2D(3, (3, 3, 3)), "found (3, 3, 3)"),
            (lambda: Conv2D(3, 3, padding="full"), "padding must be 'valid', 'same', an int"),
            (lambda: Conv2D(3, 3, padding=-1), "found -1"),
            (lambda: Conv2D(3, 3, strides=0), "strides must be an int of at least 1"),
            (lambda: Conv2D(3, 3, groups=2), "groups must divide filters, found groups=2 for 3"),
            (lambda: Conv2D(4, 3, groups=2).shape((5, 5, 3)), "groups=2 must divide its 3 input channels"),
            (lambda: Conv2D(3, 5).shape((4, 8, 1)), "no window of 5 x 5 cells fits into an image of 4 x 8"),
            (lambda: Conv2D(3, 3).shape((25,)), "takes rows of (height, width, channels), found (25,)"),
        ),
    ),
    LayerCase(
        Conv2D(5, (2, 3), strides=(2, 1), padding="same"), (5, 4, 3), conv((2, 1), (*same(5, 2, 2), *same(4, 3, 1)))
    ),
    LayerCase(Conv2D(4, 3, padding=1, groups=2, bias=False), (4, 5, 6), conv(pads=(1, 1, 1, 1), groups=2)),
    LayerCase(
        Conv2D(4, 2, strides=3, dilation=2, groups=2, padding=(1, 0)), (7, 9, 2), conv((3, 3), (1, 1, 0, 0), 2, 2)
    ),
    LayerCase(Conv2D(2, 3, padding=((2, 1), (0, 1))), (3, 3, 1), conv(pads=(2, 1, 0, 1))),
    LayerCase(Conv2D(3, 1), (3, 2, 4), conv()),
    LayerCase(Conv2D(3, 1, bias=False), (1, 1, 2), conv()),
    LayerCase(Conv2D(3, 5, padding=2), (2, 2, 2), conv(pads=(2, 2, 2, 2))),
    LayerCase(Conv2D(3, 3, groups=3), (4, 5, 3), conv(groups=3)),
    LayerCase(Conv2D(3, 3, groups=3, strides=2, padding=1, dilation=2), (7, 6, 3), conv((2, 2), (1, 1, 1, 1), 2, 3)),
    LayerCase(Conv2D(6, 2, groups=3), (4, 3, 3), conv(groups=3)),
    LayerCase(
        Conv1D(3, 3),
        (7, 2),
        conv_line(),
        bad=(
            (lambda: Conv1D(3, (3, 3)), "kernel_size must be an int of at least 1, found (3, 3)"),
            (lambda: Conv1D(3, 3, padding=((1, 1), (1, 1))), "padding must be 'valid', 'same', 'causal', an int"),
            (lambda: Conv1D(3, 3).shape((2, 2)), "no window of 3 cells fits into a sequence of 2"),
            (lambda: Conv1D(3, 3).shape((2, 2, 2)), "takes rows of (length, channels), found (2, 2, 2)"),
            (lambda: Conv1D(4, 3, groups=2).shape((9, 3)), "groups=2 must divide its 3 input channels"),
        ),
    ),
    LayerCase(Conv1D(4, 3, padding="causal", dilation=2), (6, 3), conv_line(pads=(4, 0), dilation=2)),
    LayerCase(Conv1D(2, 4, padding="same", strides=2, bias=False), (5, 3), conv_line(2, same(5, 4, 2))),
    LayerCase(Conv1D(4, 2, padding=(0, 1), groups=2), (1, 4), conv_line(pads=(0, 1), groups=2)),
    LayerCase(Conv1D(2, 3, padding=1, groups=2), (5, 2), conv_line(pads=(1, 1), groups=2)),
    LayerCase(
        Conv2DTranspose(3, 3),
        (3, 2, 2),
        spread((3, 3), 1, (0, 0, 0, 0)),
        bad=((lambda: Conv2DTranspose(3, 1, padding=3).shape((2, 2, 2)), "padding 3 leaves nothing of an image"),),
    ),
    LayerCase(Conv2DTranspose(2, 3, strides=2, padding=((1, 0), (1, 0))), (3, 4, 3), spread((3, 3), 2, (1, 0, 1, 0))),
    LayerCase(Conv2DTranspose(2, 4, strides=2, padding="same", bias=False), (2, 3, 1), spread((4, 4), 2, (1, 1, 1, 1))),
    LayerCase(
        Conv2DTranspose(2, 2, strides=3, padding=((1, -2), (0, -1))),
        (2, 3, 3),
        spread((2, 2), 3, (1, -2, 0, -1)),
        bad=(
            (lambda: Conv2DTranspose(2, 3, 2, ((0, -2), 0)), "bottom at least -1 and right -1, found ((0, -2), 0)"),
            (lambda: Conv2DTranspose(2, 3, 2, ((-1, 0), 0)), "found ((-1, 0), 0)"),
            (lambda: Conv2DTranspose(2, 3, 2, -1), "found -1"),
        ),
    ),
    LayerCase(Conv2DTranspose(4, (1, 3), groups=2), (2, 2, 6), spread((1, 3), 1, (0, 0, 0, 0), 2)),
    LayerCase(
        MaxPool2D(),
        (4, 6, 2),
        pooled((2, 2), (2, 2), (0, 0, 0, 0), np.nanmax),
        bad=(
            (lambda: MaxPool2D(0), "pool_size must be an int of at least 1 or two of them, found 0"),
            (lambda: MaxPool2D(2, padding=2), "padding must be less than pool_size"),
            (lambda: MaxPool2D(3).shape((2, 5, 1)), "no window of 3 x 3 cells fits into an image of 2 x 5"),
            (lambda: MaxPool2D(2).shape((4,)), "takes rows of (height, width, channels), found (4,)"),
        ),
    ),
    LayerCase(MaxPool2D(3, strides=2, ceil=True), (6, 6, 3), pooled((3, 3), (2, 2), (0, 1, 0, 1), np.nanmax)),
    LayerCase(MaxPool2D((3, 2), strides=(1, 2), padding=1), (4, 4, 2), pooled((3, 2), (1, 2), (1, 1, 1, 1), np.nanmax)),
    LayerCase(MaxPool2D(2, strides=3, padding="same"), (5, 7, 1), pooled((2, 2), (3, 3), (0, 0, 0, 1), np.nanmax)),
    LayerCase(MaxPool2D(17, strides=2), (17, 19, 1), pooled((17, 17), (2, 2), (0, 0, 0, 0), np.nanmax)),
    LayerCase(
        AveragePool2D(),
        (4, 6, 2),
        averaged((2, 2), (2, 2), (0, 0, 0, 0)),
        bad=((lambda: AveragePool2D(2, padding=(0, 3)), "padding must be less than pool_size"),),
    ),
    LayerCase(AveragePool2D(3, strides=2, padding=1), (5, 4, 3), averaged((3, 3), (2, 2), (1, 1, 1, 1))),
    LayerCase(
        AveragePool2D(3, strides=2, padding="same", count_padding=False),
        (5, 4, 1),
        pooled((3, 3), (2, 2), (*same(5, 3, 2), *same(4, 3, 2)), np.nanmean),
    ),
    LayerCase(AveragePool2D(3, strides=2, ceil=True), (6, 4, 2), pooled((3, 3), (2, 2), (0, 1, 0, 1), np.nanmean)),
    LayerCase(
        GlobalMaxPool2D(),
        (3, 4, 2),
        lambda w, x: x.max(axis=(1, 2)),
        bad=((lambda: GlobalMaxPool2D().shape((3, 4)), "takes rows of (height, width, channels)"),),
    ),
    LayerCase(
        GlobalAveragePool2D(),
        (3, 4, 2),
        lambda w, x: x.mean(axis=(1, 2)),
        bad=((lambda: GlobalAveragePool2D().shape((3, 4)), "takes rows of (height, width, channels)"),),
    ),
    LayerCase(
        BatchNorm(),
        (3, 2, 4),
        moved,
        bad=(
            (lambda: BatchNorm(momentum=1.5), "momentum must be at least 0 and at most 1, found 1.5"),
            (lambda: BatchNorm(epsilon=0), "epsilon must be above 0, found 0"),
            (lambda: BatchNorm().shape(()), "its input has none"),
        ),
    ),
    LayerCase(BatchNorm(scale=False, center=False), (5,), moved),
    LayerCase(BatchNorm(), (3, 2, 4), normed((0, 1, 2)), training=True),
    LayerCase(BatchNorm(scale=False), (5,), normed((0,)), training=True),
    LayerCase(
        LayerNorm(),
        (3, 5),
        normed((2,)),
        bad=(
            (lambda: LayerNorm(0), "axes must be an int of at least 1, found 0"),
            (lambda: LayerNorm(2).shape((5,)), "fewer axes than axes=2"),
        ),
    ),
    LayerCase(LayerNorm(2, epsilon=0.1), (2, 3, 2), normed((2, 3), 0.1)),
    LayerCase(LayerNorm(3), (2, 3, 2), normed((1, 2, 3))),
    LayerCase(
        LocalResponseNorm(),
        (2, 2, 7),
        responded(5, 1.0, 0.75, 1.0, True),
        bad=(
            (lambda: LocalResponseNorm(4), "size must be odd, found 4"),
            (lambda: LocalResponseNorm(region="across"), "region must be 'across_channels' or"),
            (lambda: LocalResponseNorm(k=0.0), "k must be above 0"),
        ),
    ),
    LayerCase(LocalResponseNorm(3, 0.5, 0.6, k=2.0), (1, 2, 2), responded(3, 0.5, 0.6, 2.0, True)),
    LayerCase(LocalResponseNorm(3, region="within_channel"), (4, 3, 2), responded(3, 1.0, 0.75, 1.0, False)),
    LayerCase(
        SpatialDropout2D(0.4),
        (3, 2, 5),
        lambda w, x: x,
        bad=((lambda: SpatialDropout2D(1.0), "rate must be at least 0 and below 1, found 1.0"),),
    ),
    LayerCase(SpatialDropout2D(0.4), (3, 2, 5), silenced, training=True),
    LayerCase(SpatialDropout2D(0.0), (3, 2, 5), lambda w, x: x, training=True),
    LayerCase(
        ZeroPadding2D(),
        (2, 3, 2),
        lambda w, x: np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))),
        bad=((lambda: ZeroPadding2D("same"), "padding must be ints, not a word, found 'same'"),),
    ),
    LayerCase(ZeroPadding2D(((1, 0), (2, 3))), (2, 3, 2), lambda w, x: np.pad(x, ((0, 0), (1, 0), (2, 3), (0, 0)))),
    LayerCase(ZeroPadding2D(0), (2, 3, 2), lambda w, x: x),
    LayerCase(
        UpSampling2D(),
        (2, 3, 2),
        lambda w, x: x.repeat(2, axis=1).repeat(2, axis=2),
        bad=((lambda: UpSampling2D(0), "size must be an int of at least 1"),),
    ),
    LayerCase(UpSampling2D((1, 3)), (2, 3, 2), lambda w, x: x.repeat(3, axis=2)),
    LayerCase(UpSampling2D(1), (2, 3, 2), lambda w, x: x),
    LayerCase(
        Resizing(3, 5),
        (4, 2, 2),
        lambda w, x: resized(x, 3, 5),
        bad=(
            (lambda: Resizing(0, 3), "height must be an int of at least 1, found 0"),
            (lambda: Resizing(2, 3).shape((4,)), "takes rows of (height, width, channels), found (4,)"),
        ),
    ),
    LayerCase(Resizing(7, 2), (3, 5, 1), lambda w, x: resized(x, 7, 2)),
    LayerCase(Resizing(1, 1), (3, 3, 2), lambda w, x: x[:, 1:2, 1:2]),
    LayerCase(Resizing(3, 4), (3, 4, 2), lambda w, x: x),
    LayerCase(
        Rescaling(0.5, -1.0),
        (2, 3),
        lambda w, x: x / 2 - 1,
        bad=((lambda: Rescaling(math.inf), "scale must be a finite number, found inf"),),
    ),
    LayerCase(
        MeanSubtraction((0.5, -1.0)),
        (3, 2),
        lambda w, x: x - np.array([0.5, -1.0]),
        bad=(
            (lambda: MeanSubtraction(()), "mean must be a tuple of finite numbers, found ()"),
            (lambda: MeanSubtraction((1.0,)).shape((3, 2)), "1 means do not fit the channels of its input (3, 2)"),
        ),
    ),
    LayerCase(
        RandomCrop(3, 4),
        (6, 5, 2),
        lambda w, x: x[:, 1:4, 0:4],
        bad=(
            (lambda: RandomCrop(0, 3), "height must be an int of at least 1, found 0"),
            (lambda: RandomCrop(4, 4).shape((5, 3, 1)), "4 x 4 does not fit into its input (5, 3, 1)"),
        ),
    ),
    LayerCase(RandomCrop(3, 4), (6, 5, 2), cropped, training=True),
    LayerCase(RandomCrop(3, 4), (3, 4, 2), lambda w, x: x, training=True),
    LayerCase(
        RandomFlip(),
        (3, 4, 2),
        lambda w, x: x,
        bad=((lambda: RandomFlip("sideways"), "mode must be one of horizontal, vertical, horizontal_and_vertical"),),
    ),
    LayerCase(RandomFlip(), (3, 5, 2), mirrored(False, True), training=True),
    LayerCase(RandomFlip("vertical"), (3, 4, 2), mirrored(True, False), training=True),
    LayerCase(RandomFlip("horizontal_and_vertical"), (3, 3, 1), mirrored(True, True), training=True),
]
