"""Local response normalisation (Krizhevsky et al., NIPS 2012; Caffe's LRN)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._windows import check_count, check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def _power(s, beta):  # type: ignore[no-untyped-def]
    """s^-beta; the papers' beta is 0.75, where square roots do"""
    if beta == 0.75:
        root = np.sqrt(s)
        return s.dtype.type(1) / (root * np.sqrt(root))
    return s ** s.dtype.type(-beta)
