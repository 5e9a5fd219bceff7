"""The table of initializers: the law of their numbers. A new initializer adds its rows here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np

from spark_deepnet.initializers.bilinear import Bilinear
from spark_deepnet.initializers.constant import Constant
from spark_deepnet.initializers.glorot_normal import GlorotNormal
from spark_deepnet.initializers.glorot_uniform import GlorotUniform
from spark_deepnet.initializers.he_normal import HeNormal
from spark_deepnet.initializers.he_uniform import HeUniform
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.initializers.normal import Normal
from spark_deepnet.initializers.orthogonal import Orthogonal
from spark_deepnet.initializers.uniform import Uniform
from spark_deepnet.initializers.variance_scaling import VarianceScaling

FAN_IN, FAN_OUT = 60, 40
"""The fans with which the laws fill an array of that shape."""


@dataclass(frozen=True)
class InitializerCase:
    initializer: Initializer
    mean: float
    stddev: float
    low: float = -inf
    high: float = inf
    bad: tuple[tuple[Callable[[], Any], str], ...] = ()
    """What must raise a ParamError, and a part of its sentence."""


def _uniform(initializer: Initializer, a: float, *bad: tuple[Callable[[], Any], str]) -> InitializerCase:
    return InitializerCase(initializer, 0.0, a / sqrt(3), -a, a, bad)


INITIALIZERS = [
    InitializerCase(Constant(), 0.0, 0.0, 0.0, 0.0),
    InitializerCase(Constant(0.3), 0.3, 0.0, 0.3, 0.3),
    _uniform(GlorotUniform(), sqrt(6 / 100), (lambda: GlorotUniform(0.0), "gain must be above 0, found 0.0")),
    _uniform(GlorotUniform(2.0), 2 * sqrt(6 / 100)),
    InitializerCase(
        GlorotNormal(), 0.0, sqrt(2 / 100), bad=((lambda: GlorotNormal(-1.0), "gain must be above 0, found -1.0"),)
    ),
    _uniform(HeUniform(), sqrt(6 / 60), (lambda: HeUniform(0.0), "gain must be above 0")),
    InitializerCase(HeNormal(), 0.0, sqrt(2 / 60), bad=((lambda: HeNormal(0.0), "gain must be above 0"),)),
    InitializerCase(HeNormal(0.5), 0.0, sqrt(2 / 60) / 2),
    _uniform(Uniform(), 0.05, (lambda: Uniform(1.0, 1.0), "low must be below high, found low=1.0, high=1.0")),
    InitializerCase(Uniform(1.0, 3.0), 2.0, 1 / sqrt(3), 1.0, 3.0),
    InitializerCase(Normal(), 0.0, 0.05, bad=((lambda: Normal(0.0), "stddev must be above 0, found 0.0"),)),
    InitializerCase(Normal(2.0, mean=-1.0), -1.0, 2.0),
    InitializerCase(
        Normal(2.0, sparse=20), 0.0, sqrt(2), bad=((lambda: Normal(sparse=-1), "sparse must be an int of at least 0"),)
    ),
    InitializerCase(
        VarianceScaling(),
        0.0,
        sqrt(1 / 60),
        bad=(
            (lambda: VarianceScaling(0.0), "scale must be above 0, found 0.0"),
            (lambda: VarianceScaling(mode="fan"), "mode must be one of 'fan_in', 'fan_out', 'fan_avg', found 'fan'"),
            (lambda: VarianceScaling(distribution="beta"), "distribution must be one of 'normal', 'uniform'"),
        ),
    ),
    InitializerCase(VarianceScaling(2.0, "fan_out"), 0.0, sqrt(2 / 40)),
    _uniform(VarianceScaling(mode="fan_in", distribution="uniform"), sqrt(3 / 60)),
    _uniform(VarianceScaling(mode="fan_out", distribution="uniform"), sqrt(3 / 40)),
    _uniform(VarianceScaling(mode="fan_avg", distribution="uniform"), sqrt(3 / 50)),
    InitializerCase(
        Bilinear(),
        1.0,
        0.0,
        bad=((lambda: Bilinear().fill(np.empty(3), np.uint64(0), 1, 1), "found shape (3,); choose another"),),
    ),
    InitializerCase(
        Orthogonal(),
        0.0,
        1 / sqrt(60),
        bad=(
            (lambda: Orthogonal(0.0), "gain must be above 0"),
            (lambda: Orthogonal().fill(np.empty(3), np.uint64(0), 1, 1), "two axes or more, found shape (3,)"),
        ),
    ),
    InitializerCase(Orthogonal(3.0), 0.0, 3 / sqrt(60)),
]
