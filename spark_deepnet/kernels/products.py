"""Where a large matrix product is cut, so that threads compute its parts at the same time.

BLAS may round the part of a product differently from the whole, so the cut depends on shapes alone, and one thread
multiplies the same parts one after another.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.threads import in_parallel

MIN_MULTIPLY_ADDS = 1 << 22
"""A product, or another pass of a layer, of fewer is not cut: some 60 us, of which handing a part to another thread would
take 10."""
CUT_MULTIPLE = 32
"""Rows or columns in every part but the last: a multiple of BLAS's own tiles."""
PARTS = 2


def is_cut(m: int, k: int, n: int) -> bool:
    """Whether the product of matrices of shapes (m, k) and (k, n) is cut. Its transposes are then cut too."""
    return m * k * n >= MIN_MULTIPLY_ADDS


def product_parts(m: int, k: int, n: int) -> list[tuple[slice, slice]]:
    """(rows, columns) of each part of the (m, n) product of matrices of shapes (m, k) and (k, n): a single part if it is
    not cut, otherwise some along the longer side."""
    longer, whole = max(m, n), slice(None)
    each = -(-longer // PARTS // CUT_MULTIPLE) * CUT_MULTIPLE
    if not is_cut(m, k, n) or each >= longer:
        return [(whole, whole)]
    along = [slice(first, min(first + each, longer)) for first in range(0, longer, each)]
    return [(whole, part) if n >= m else (part, whole) for part in along]


def multiply(a: np.ndarray, b: np.ndarray, beta: float, c: np.ndarray) -> None:
    """c = a b + beta c on the caller's threads."""
    parts = product_parts(len(a), len(b), c.shape[1])
    if len(parts) == 1:
        gemm(a, b, beta, c)
    else:
        in_parallel([partial(gemm, a[rows], b[:, columns], beta, c[rows, columns]) for rows, columns in parts])
