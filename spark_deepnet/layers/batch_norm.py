"""Batch normalization (Ioffe and Szegedy, ICML 2015; Keras's BatchNormalization)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, check_numbers
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer, Weight

MAX_SQUARED_MEAN = 1e5
"""Maximum squared mean, in variances: beyond it, a difference of squares in float64 loses more digits than float32
has."""


@kernel
def _parted(x, sums):  # type: ignore[no-untyped-def]
    """Two arrays of zeros per channel: a loop that writes to one array at a time is vectorized over channels"""
    channels = x.shape[1]
    sums[:] = 0
    return sums[:channels], sums[channels : 2 * channels]


@kernel
def _sums(x, shift, sums):  # type: ignore[no-untyped-def]
    """sums = (sum_p (x_pc - shift_c) for each c, sum_p (x_pc - shift_c)^2 for each c), float64; a place for their number
    follows"""
    total, squares = _parted(x, sums)
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[c] += np.float64(x[p, c]) - shift[c]
        for c in range(x.shape[1]):
            squares[c] += (np.float64(x[p, c]) - shift[c]) ** 2


@kernel
def _products(x, dy, mean, rest, scale, sums):  # type: ignore[no-untyped-def]
    """sums = (sum_p dy_pc for each c, sum_p dy_pc (x_pc - mean_c - rest_c) scale_c for each c), float64; a place for
    their number follows"""
    total, products = _parted(x, sums)
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[c] += np.float64(dy[p, c])
        for c in range(x.shape[1]):
            products[c] += np.float64(dy[p, c]) * np.float64(((x[p, c] - mean[c]) - rest[c]) * scale[c])


@kernel
def _affine(x, mean, rest, a, b, y):  # type: ignore[no-untyped-def]
    """y_pc = a_c (x_pc - mean_c - rest_c) + b_c"""
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[p, c] = a[c] * ((x[p, c] - mean[c]) - rest[c]) + b[c]


@kernel
def _gradient(x, mean, rest, scale, dy, a, b, d, dx):  # type: ignore[no-untyped-def]
    """dx_pc = a_c dy_pc + b_c (x_pc - mean_c - rest_c) scale_c + d_c; dx may be the memory of dy, of which a line at a
    time is copied"""
    line = np.empty_like(a)
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            line[c] = dy[p, c]
        for c in range(x.shape[1]):
            dx[p, c] = a[c] * line[c] + b[c] * (((x[p, c] - mean[c]) - rest[c]) * scale[c]) + d[c]


@dataclass(frozen=True, repr=False)
class BatchNorm(StepwiseLayer, kind="batch_norm"):
    """y_c = gamma_c (x_c - mean_c) / sqrt(variance_c + epsilon) + beta_c for each channel c of the last axis.

    x, y: (n, ..., channels)   gamma, beta, moving_mean, moving_variance: (channels,)

    In training mean and variance are those of the whole batch, over all rows, cells, real steps and ranks, and the
    moving ones follow: m <- d m + (1 - d) mean, d = min(momentum, k / (k + 9)) at a fit's step k = 0, 1, ...: the first
    batch counts fully, and they are near the statistics of the latest weights from the start (TensorFlow's
    ExponentialMovingAverage with num_updates has (k + 1) / (k + 10), which keeps some of its start). At the end of a
    fit without validation rows they are recomputed as the means over batches of the training rows under the last
    weights (Wu and Johnson, Rethinking "Batch" in BatchNorm, arXiv 2105.07576, section 3: precise BatchNorm). The
    variance is the biased one (divided by the count), as in Keras; sums are of differences from the moving mean, and
    means have two parts, so that channels far from 0 lose nothing. In scoring the moving ones are used. ``scale=False``
    leaves gamma out, ``center=False`` beta. ``frozen``: training uses the moving ones too and leaves them as they are
    (Caffe's use_global_stats); with ``trainable=False`` gamma and beta stay too, as in Keras.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    frozen: bool = False
    channelwise: ClassVar[bool] = True
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and at most 1", "momentum")
        check_numbers(self, "above 0", "epsilon")

    @property
    def needs_all_reduce(self) -> bool:  # type: ignore[override]
        return not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        """Whether training uses the moving statistics."""
        return self.frozen or not self.trainable

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: Shape) -> Shape:
        if not x:
            raise NetworkError("BatchNorm runs over the channels of the last axis, but its input has none")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        one, zero = Initializer.of({"kind": "constant", "value": 1.0}), Initializer.of("constant")
        gamma = {"gamma": Weight(x[-1:], one, decays=False)} if self.scale else {}
        beta = {"beta": Weight(x[-1:], zero, decays=False)} if self.center else {}
        rate = 0.0 if self.is_frozen else 1.0
        mean, variance = (Weight(x[-1:], start, decays=False, trained=False, rate=rate) for start in (zero, one))
        return {**gamma, **beta, "moving_mean": mean, "moving_variance": variance}

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"moments": ((2, x[-1]), np.float64)}  # the batch's moments are in the first row, if there is one

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        mean, variance = w["moving_mean"].astype(np.float64), w["moving_variance"].astype(np.float64)
        if call.training and not self.is_frozen:
            mean, variance = self._of_batch(x, mean, variance, w, call)
        x, y = _lines(x), _lines(y)
        scale = 1 / np.sqrt(variance + self.epsilon)
        call.saved["moments"][:1] = mean, scale
        a, beta = w.get("gamma", 1.0) * scale, np.broadcast_to(w.get("beta", 0.0), mean.shape)
        _affine(x, *_two_parts(mean, x.dtype), a.astype(x.dtype), beta.astype(x.dtype), y)

    def _of_batch(self, x: np.ndarray, mean: Any, variance: Any, w: Arrays, call: Call) -> tuple[Any, Any]:
        """Mean and variance over all ranks; without any rows, the moving ones."""
        moments = self._moments(_real(x, call), mean, call)
        if moments is not None:
            mean, variance = moments
            decay = self._decay(call)
            for moving, latest in ((w["moving_mean"], mean), (w["moving_variance"], variance)):
                moving[:] = decay * moving + (1 - decay) * latest
        return mean, variance

    def _moments(self, x: np.ndarray, shift: np.ndarray, call: Call) -> tuple[Any, Any] | None:
        """Mean and variance over all ranks, from sums of differences from the shift: the moving mean, which all ranks
        share. If it is so far from the mean that the variance would lose digits, as at the first step over channels far
        from 0, they are computed again from the mean. None: no rank has rows."""
        for last in (False, True):
            sums = np.empty(2 * len(shift) + 1)
            _sums(x, shift, sums)
            sums[-1] = len(x)
            call.total(sums)
            if sums[-1] == 0:
                return None
            mean, square = sums[:-1].reshape(2, -1) / sums[-1]
            variance = np.maximum(square - mean * mean, 0)
            if last or not np.any(mean * mean > MAX_SQUARED_MEAN * (variance + self.epsilon)):
                break
            shift = shift + mean
        return shift + mean, variance

    def _decay(self, call: Call) -> float:
        k = call.updates
        if k is None:
            return self.momentum
        return k / (k + 1) if call.refreshes else min(self.momentum, k / (k + 9))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        count, x, dy, sums = _cells(x, call), _lines(x), _lines(dy), np.empty(2 * x.shape[-1] + 1)
        mean, scale = call.saved["moments"][0] if len(x) else np.zeros((2, x.shape[-1]))
        _products(x, dy, *_two_parts(mean, x.dtype), scale.astype(x.dtype), sums)
        sums[-1] = count
        weight_gradients = dict.fromkeys(gradients, 0.0) | {"beta": sums[: len(mean)], "gamma": sums[len(mean) : -1]}
        for name, gradient in gradients.items():
            gradient[:] = weight_gradients[name]
        of_batch = call.training and not self.is_frozen
        if of_batch:
            call.total(sums)
        if dx is not None:
            sums = sums if of_batch else 0 * sums
            self._gradient_of_input(w.get("gamma", 1.0) * scale, mean, scale, sums, x, dy, dx)

    def _gradient_of_input(self, a: Any, mean: Any, scale: Any, sums: Any, x: Any, dy: Any, dx: np.ndarray) -> None:
        """dx = a (dy - mean of dy - x^ mean of (dy x^)),   x^ = (x - mean) scale"""
        dy_mean, product_mean = sums[:-1].reshape(2, -1) / max(sums[-1], 1)
        T = x.dtype
        b, d = (-a * product_mean).astype(T), (-a * dy_mean).astype(T)
        _gradient(x, *_two_parts(mean, T), scale.astype(T), dy, a.astype(T), b, d, _lines(dx))


def _two_parts(mean: np.ndarray, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """A float64 as the sum of two numbers of the dtype."""
    near = mean.astype(dtype)
    return near, (mean - near).astype(dtype)


def _real(x: np.ndarray, call: Call) -> np.ndarray:
    """The real numbers of x as a matrix of its channels."""
    if call.lengths is not None and x.ndim >= 3 and not np.all(call.lengths == x.shape[1]):
        x = x[np.arange(x.shape[1]) < call.lengths[:, None]]
    return _lines(x)


def _cells(x: np.ndarray, call: Call) -> int:
    """The number of real (unpadded) numbers per channel; the rest are zeros."""
    if call.lengths is None or x.ndim < 3:
        return prod(x.shape[:-1])
    return int(call.lengths.sum()) * prod(x.shape[2:-1])


def _lines(x: np.ndarray) -> np.ndarray:
    """x as a matrix of its channels, C-contiguous."""
    return np.ascontiguousarray(x).reshape(prod(x.shape[:-1]), x.shape[-1])
