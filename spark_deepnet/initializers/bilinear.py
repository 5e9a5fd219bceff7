"""Bilinear initialization: transposed convolutions that start as bilinear upsampling (Long, Shelhamer and Darrell, CVPR
2015; Caffe's bilinear)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Initializer


@dataclass(frozen=True, repr=False)
class Bilinear(Initializer, kind="bilinear"):
    """w = the product over the axes of the window of 1 - |i / f - c|,   f = ceil(k / 2), c = (2 f - 1 - f mod 2) / (2 f)

    W: (k, k, ins, outs), all ins and outs alike: with as many groups as channels, kernel_size 2 s - s mod 2, strides s
    and padding ceil((s - 1) / 2) an image is enlarged s times.
    """

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        if out.ndim < 2:
            raise ParamError(
                f"Bilinear fills weights (window..., ins, outs), found shape {out.shape}; choose another initializer"
            )
        out[...] = 1
        for axis, size in enumerate(out.shape[:-2]):
            out *= _line(size).reshape(-1, *(1,) * (out.ndim - axis - 1)).astype(out.dtype)


def _line(size: int) -> np.ndarray:
    f = ceil(size / 2)
    c = (2 * f - 1 - f % 2) / (2 * f)
    return 1 - np.abs(np.arange(size) / f - c)
