"""Scaled dot-product attention, row by row and head by head, so that a head's scores stay in the cache."""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp
from spark_deepnet.kernels.windows import scratch


@kernel
def _softmax(scale, causal, m, a):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale a_ij) / sum over j of the same, i and j < m; with causal, over j <= i, and 0 for the rest

    One long loop for exp: rows are short, and each loop's beginning and end cost as much as they do.
    """
    T = a.dtype.type
    scale, zero, low = T(scale), T(0), T(-80)  # exp is slow where its result leaves the normal numbers
    for i in range(m):
        seen = i + 1 if causal else m
        top = a[i, 0]
        for j in range(seen):
            top = max(top, a[i, j])
        for j in range(seen):
            a[i, j] = scale * (a[i, j] - top)
        for j in range(seen, a.shape[1]):
            a[i, j] = low
    flat = a.reshape(-1)
    for j in range(m * a.shape[1]):
        flat[j] = exp(flat[j])
    for i in range(m):
        seen, total = i + 1 if causal else m, zero
        for j in range(seen):
            total += a[i, j]
        part = T(1) / total
        for j in range(seen):
            a[i, j] *= part
        for j in range(seen, m):
            a[i, j] = zero


@kernel
def _softmax_slope(p, scale, m, d):  # type: ignore[no-untyped-def]
    """d_ij = scale p_ij (d_ij - sum_j p_ij d_ij), i and j < m"""
    T = d.dtype.type
    scale = T(scale)
    for i in range(m):
        mean = T(0)
        for j in range(m):
            mean += p[i, j] * d[i, j]
        for j in range(m):
            d[i, j] = scale * p[i, j] * (d[i, j] - mean)


@kernel
def attend(qkv, lengths, causal, shares, out):  # type: ignore[no-untyped-def]
    """out = softmax(q k^T / sqrt(size)) v of each head over a row's own steps, 0 beyond; shares: what softmax gave.

    qkv: (n, steps, 3 heads size), all of q, of k, of v   out: (n, steps, heads size)   shares: (n, heads, steps, steps)
    """
    heads, wide = shares.shape[1], out.shape[2]
    size = wide // heads
    for n in range(out.shape[0]):
        m = lengths[n]
        out[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            p = shares[n, h, :m, :m]
            gemm(qkv[n, :m, a:b], qkv[n, :m, wide + a : wide + b].T, 0.0, p)
            _softmax(1 / np.sqrt(size), causal, m, shares[n, h])
            gemm(p, qkv[n, :m, 2 * wide + a : 2 * wide + b], 0.0, out[n, :m, a:b])


@kernel
def attend_back(qkv, lengths, shares, dout, slopes):  # type: ignore[no-untyped-def]
    """dv = p^T dout   ds = softmax' (dout v^T)   dq = ds k   dk = ds^T q, side by side in slopes, 0 beyond the lengths"""
    heads, steps, wide = shares.shape[1], shares.shape[2], dout.shape[2]
    size = wide // heads
    score_slopes = scratch(steps * steps, qkv).reshape((steps, steps))
    for n in range(dout.shape[0]):
        m = lengths[n]
        slopes[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            q, k, v = qkv[n, :m, a:b], qkv[n, :m, wide + a : wide + b], qkv[n, :m, 2 * wide + a : 2 * wide + b]
            p, ds, d = shares[n, h, :m, :m], score_slopes[:m, :m], dout[n, :m, a:b]
            gemm(p.T, d, 0.0, slopes[n, :m, 2 * wide + a : 2 * wide + b])
            gemm(d, v.T, 0.0, ds)
            _softmax_slope(shares[n, h], 1 / np.sqrt(size), m, score_slopes)
            gemm(ds, k, 0.0, slopes[n, :m, a:b])
            gemm(ds.T, q, 0.0, slopes[n, :m, wide + a : wide + b])
