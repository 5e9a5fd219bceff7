"""The rows of layers that networks of Caffe and ONNX are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax

from spark_deepnet.layers.abs import Abs
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.clip import Clip
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.instance_norm import InstanceNorm
from spark_deepnet.layers.l2_normalize import L2Normalize
from spark_deepnet.layers.log import Log
from spark_deepnet.layers.log_softmax import LogSoftmax
from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.mean_image import MeanImage
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.layers.power import Power
from spark_deepnet.layers.prelu import PRelu
from spark_deepnet.layers.scale import Scale
from spark_deepnet.layers.softmax import Softmax
from tests.cases.layer_case import LayerCase

W = dict[str, np.ndarray]


def logarithm(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


def power(x: np.ndarray, p: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.power(x, p)


def l2_normalized(axes: int, epsilon: float) -> Any:
    def reference(w: W, x: np.ndarray) -> np.ndarray:
        return x / np.sqrt(np.sum(x * x, axis=tuple(range(-axes, 0)), keepdims=True) + epsilon)

    return reference


def instance_normed(epsilon: float = 1e-3, outside: bool = False, variance: bool = True, across: bool = False) -> Any:
    def reference(w: W, x: np.ndarray) -> np.ndarray:
        axes = tuple(range(1, x.ndim if across else x.ndim - 1))
        d = x - x.mean(axes, keepdims=True)
        v = (d * d).mean(axes, keepdims=True)
        if variance:
            d = d / (np.sqrt(v) + epsilon if outside else np.sqrt(v + epsilon))
        return w.get("gamma", 1) * d + w.get("beta", 0)

    return reference


def frozen_normed(w: W, x: np.ndarray) -> np.ndarray:
    return w["gamma"] * (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + 1e-3) + w["beta"]


def standardized(w: W, x: np.ndarray) -> np.ndarray:
    d = w["deviation"]
    return (x - w["mean"]) * np.divide(1, d, out=np.zeros_like(d), where=d != 0)


FOREIGN_LAYERS = [
    LayerCase(
        PRelu(),
        (3, 4),
        lambda w, x: np.where(x > 0, x, w["alpha"] * x),
        kinks=(0.0,),
        bad=(
            (lambda: PRelu(-1), "axes must be an int of at least 0, found -1"),
            (lambda: PRelu(2).shape((3,)), "its input (3,) has fewer axes than axes=2"),
        ),
    ),
    LayerCase(PRelu(0), (2, 3, 2), lambda w, x: np.where(x > 0, x, w["alpha"] * x), kinks=(0.0,)),
    LayerCase(PRelu(2, initializer="uniform"), (2, 3), lambda w, x: np.where(x > 0, x, w["alpha"] * x), kinks=(0.0,)),
    LayerCase(
        Scale(),
        (3, 4),
        lambda w, x: w["gamma"] * x + w["beta"],
        bad=((lambda: Scale().shape(()), "the channels of the last axis, but its input has none"),),
    ),
    LayerCase(Scale(center=False), (5,), lambda w, x: w["gamma"] * x),
    LayerCase(Scale(scale=False, bias_initializer="normal"), (2, 2, 3), lambda w, x: x + w["beta"]),
    LayerCase(MeanImage(), (2, 3, 2), lambda w, x: x - w["mean"]),
    LayerCase(
        Normalization(),
        (2, 3, 4),
        standardized,
        bad=((lambda: Normalization().shape(()), "the channels of the last axis, but its input has none"),),
    ),
    LayerCase(Normalization(adapt=False), (5,), standardized),
    LayerCase(Normalization(True), (3,), lambda w, x: w["deviation"] * x + w["mean"]),
    LayerCase(Abs(), (2, 3), lambda w, x: np.abs(x), kinks=(0.0,)),
    LayerCase(
        Log(shift=6.0),
        (2, 3),
        lambda w, x: logarithm(x + 6),
        bad=(
            (lambda: Log(0.0), "base must be above 0, found 0.0"),
            (lambda: Log(1.0), "base must not be 1"),
            (lambda: Log(scale=float("nan")), "scale must be a finite number, found nan"),
        ),
    ),
    LayerCase(Log(10.0, 0.5, 4.0), (6,), lambda w, x: logarithm(0.5 * x + 4) / np.log(10.0)),
    LayerCase(
        Power(0.5, shift=6.0),
        (2, 3),
        lambda w, x: power(x + 6, 0.5),
        bad=((lambda: Power(float("inf")), "power must be a finite number, found inf"),),
    ),
    LayerCase(Power(2.0, -0.5, 1.0), (6,), lambda w, x: (1 - 0.5 * x) ** 2),
    LayerCase(Power(0.0), (6,), lambda w, x: np.ones_like(x)),
    LayerCase(Power(-1.0, shift=7.0), (3,), lambda w, x: power(x + 7, -1.0)),
    LayerCase(
        Clip(0.0, 2.0),
        (2, 20),
        lambda w, x: np.clip(x, 0, 2),
        kinks=(0.0, 2.0),
        bad=(
            (lambda: Clip(2.0, 1.0), "low must be at most high, found low=2.0, high=1.0"),
            (lambda: Clip(low="0"), "low must be a finite number, found '0'"),  # type: ignore[arg-type]
        ),
    ),
    LayerCase(Clip(high=-1.0), (6,), lambda w, x: np.minimum(x, -1), kinks=(-1.0,)),
    LayerCase(Softmax(0), (3, 4), lambda w, x: np.exp(log_softmax(x, axis=1))),
    LayerCase(
        Softmax(-2),
        (2, 3, 4),
        lambda w, x: np.exp(log_softmax(x, axis=-2)),
        bad=(
            (lambda: Softmax("last"), "axis must be an int, found 'last'"),  # type: ignore[arg-type]
            (lambda: Softmax(2).shape((3, 4)), "an input of shape (3, 4) has no axis 2"),
        ),
    ),
    LayerCase(
        LogSoftmax(),
        (5,),
        lambda w, x: log_softmax(x, axis=-1),
        bad=((lambda: LogSoftmax().shape(()), "its input has none"),),
    ),
    LayerCase(LogSoftmax(1), (2, 3, 4), lambda w, x: log_softmax(x, axis=2)),
    LayerCase(
        L2Normalize(),
        (2, 5),
        l2_normalized(1, 1e-12),
        bad=(
            (lambda: L2Normalize(0), "axes must be an int of at least 1, found 0"),
            (lambda: L2Normalize(3).shape((2, 2)), "its input (2, 2) has fewer axes than axes=3"),
            (lambda: L2Normalize(epsilon=0.0), "epsilon must be above 0, found 0.0"),
        ),
    ),
    LayerCase(L2Normalize(3, epsilon=0.5), (2, 3, 4), l2_normalized(3, 0.5)),
    LayerCase(
        InstanceNorm(),
        (3, 2, 4),
        instance_normed(),
        bad=(
            (lambda: InstanceNorm().shape((4,)), "rows of two axes or more, the last of channels, found (4,)"),
            (lambda: InstanceNorm(0.0), "epsilon must be above 0, found 0.0"),
        ),
    ),
    LayerCase(InstanceNorm(0.1, center=False, scale=False, outside=True), (5, 3), instance_normed(0.1, outside=True)),
    LayerCase(InstanceNorm(variance=False, scale=False), (3, 2, 2), instance_normed(variance=False)),
    LayerCase(InstanceNorm(0.01, across=True, outside=True), (3, 2, 2), instance_normed(0.01, True, across=True)),
    LayerCase(BatchNorm(frozen=True), (3, 2), frozen_normed, training=True),
    LayerCase(
        Concatenate(0),
        ((2, 3), (1, 3)),
        lambda w, x: np.concatenate(x, axis=1),
        bad=(
            (lambda: Concatenate(0).shape(((3, 2), (3, 3))), "in their axis 0 only, found (3, 2), (3, 3)"),
            (lambda: Concatenate(5).shape(((3, 2), (3, 3))), "has no axis 5"),
            (lambda: Concatenate(1.0), "axis must be an int, found 1.0"),  # type: ignore[arg-type]
        ),
    ),
    LayerCase(Concatenate(-2), ((2, 2, 3), (2, 1, 3), (2, 3, 3)), lambda w, x: np.concatenate(x, axis=-2)),
    LayerCase(
        Add(),
        ((1, 1, 3), (2, 4, 3)),
        lambda w, x: x[0] + x[1],
        bad=(
            (lambda: Add().shape(((1, 2), (2,))), "of one shape, found (1, 2), (2,)"),
            (lambda: Add().shape(((2, 3), (1, 2))), "of one shape, found (2, 3), (1, 2)"),
        ),
    ),
    LayerCase(Add(), ((1, 3), (2, 1)), lambda w, x: x[0] + x[1]),
    LayerCase(Multiply(), ((2, 4, 3), (1, 1, 3), (2, 4, 1)), lambda w, x: x[0] * x[1] * x[2]),
    LayerCase(Maximum(), ((2, 4, 3), (1, 1, 3)), lambda w, x: np.maximum(x[0], x[1])),
]
