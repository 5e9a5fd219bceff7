"""Scaled dot-product attention, row by row and head by head, so that a head's scores stay in the cache."""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp


@kernel
def _softmax(scale, causal, a):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale a_ij) / sum over j of the same; with causal, over j <= i, and 0 for the rest"""
    T = a.dtype.type
    scale, zero = T(scale), T(0)
    for i in range(a.shape[0]):
        seen = i + 1 if causal else a.shape[1]
        row = a[i, :seen]
        top, total = row[0], zero
        for j in range(seen):
            top = max(top, row[j])
        for j in range(seen):
            row[j] = exp(scale * (row[j] - top))
        for j in range(seen):
            total += row[j]
        part = T(1) / total
        for j in range(seen):
            row[j] *= part
        a[i, seen:] = zero


@kernel
def _softmax_slope(p, scale, d):  # type: ignore[no-untyped-def]
    """d_ij = scale p_ij (d_ij - sum_j p_ij d_ij)"""
    T = d.dtype.type
    scale = T(scale)
    for i in range(d.shape[0]):
        mean = T(0)
        for j in range(d.shape[1]):
            mean += p[i, j] * d[i, j]
        for j in range(d.shape[1]):
            d[i, j] = scale * p[i, j] * (d[i, j] - mean)


@kernel
def attend(q, k, v, lengths, causal, shares, out):  # type: ignore[no-untyped-def]
    """out = softmax(q k^T / sqrt(size)) v of each head over a row's own steps, 0 beyond; shares: what softmax gave.

    q, k, v, out: (n, steps, heads size)   shares: (n, heads, steps, steps)
    """
    heads = shares.shape[1]
    size = q.shape[2] // heads
    for n in range(q.shape[0]):
        m = lengths[n]
        out[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            p = shares[n, h, :m, :m]
            gemm(q[n, :m, a:b], k[n, :m, a:b].T, 0.0, p)
            _softmax(1 / np.sqrt(size), causal, p)
            gemm(p, v[n, :m, a:b], 0.0, out[n, :m, a:b])


@kernel
def attend_back(q, k, v, lengths, shares, dout, dq, dk, dv):  # type: ignore[no-untyped-def]
    """dv = p^T dout   ds = softmax' (dout v^T)   dq = ds k   dk = ds^T q, 0 beyond the lengths"""
    heads, steps = shares.shape[1], shares.shape[2]
    size = q.shape[2] // heads
    scratch = np.empty((steps, steps), q.dtype)
    for n in range(q.shape[0]):
        m = lengths[n]
        dq[n, m:] = 0
        dk[n, m:] = 0
        dv[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            p, s, d = shares[n, h, :m, :m], scratch[:m, :m], dout[n, :m, a:b]
            gemm(p.T, d, 0.0, dv[n, :m, a:b])
            gemm(d, v[n, :m, a:b].T, 0.0, s)
            _softmax_slope(p, 1 / np.sqrt(size), s)
            gemm(s, k[n, :m, a:b], 0.0, dq[n, :m, a:b])
            gemm(s.T, q[n, :m, a:b], 0.0, dk[n, :m, a:b])
