"""Plain sums and maxima of a flat array, which vectorize: the only ones that may be regrouped.

A kernel writes its terms, with all their brackets, into an array, and sums that.
"""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.jit import comparing, summing


@comparing
def largest(v):  # type: ignore[no-untyped-def]
    """max_i v_i of at least one; if some v_i is NaN, any of them: v_i - largest is still NaN for that i"""
    top = v[0]
    for i in range(v.size):
        top = max(top, v[i])
    return top


@summing
def total(v):  # type: ignore[no-untyped-def]
    """sum_i v_i"""
    result = v.dtype.type(0)
    for i in range(v.size):
        result += v[i]
    return result


@summing
def dot(u, v):  # type: ignore[no-untyped-def]
    """sum_i u_i v_i"""
    result = v.dtype.type(0)
    for i in range(v.size):
        result += u[i] * v[i]
    return result


@summing
def wide_total(v):  # type: ignore[no-untyped-def]
    """sum_i v_i, summed in float64"""
    result = np.float64(0)
    for i in range(v.size):
        result += np.float64(v[i])
    return result


@summing
def sum_of_squares(v):  # type: ignore[no-untyped-def]
    """sum_i v_i^2, summed in float64"""
    result = np.float64(0)
    for i in range(v.size):
        x = np.float64(v[i])
        result += x * x
    return result
