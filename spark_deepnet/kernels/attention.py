"""Scaled dot-product attention, row by row and head by head, so that a head's scores stay in the cache.

The scores, steps x steps for each head of each row, are not kept but made anew for the backward pass, from the logarithm
of each softmax's sum (Dao, Fu, Ermon, Rudra and Ré, FlashAttention, NeurIPS 2022).
"""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp, log
from spark_deepnet.kernels.windows import scratch

LOW = -80.0
"""What is left out of a softmax: exp of less leaves the normal numbers, where arithmetic is slow."""


@kernel
def _exps(a):  # type: ignore[no-untyped-def]
    """a = exp(a) as one long loop: rows are short, and each loop's beginning and end cost as much as they do"""
    flat = a.reshape(-1)
    for j in range(flat.size):
        flat[j] = exp(flat[j])


@kernel
def _softmax(scale, causal, a, sums):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale a_ij) / s_i, s_i = sum over j of the same, sums_i = log s_i; with causal, over j <= i, else 0"""
    T = a.dtype.type
    m, scale, zero, low = a.shape[1], T(scale), T(0), T(LOW)
    for i in range(m):
        seen = i + 1 if causal else m
        top = a[i, 0]
        for j in range(seen):
            top = max(top, a[i, j])
        for j in range(seen):
            a[i, j] = scale * (a[i, j] - top)
        for j in range(seen, m):
            a[i, j] = low
        sums[i] = scale * top
    _exps(a)
    for i in range(m):
        seen, total = i + 1 if causal else m, zero
        for j in range(seen):
            total += a[i, j]
        part = T(1) / total
        for j in range(seen):
            a[i, j] *= part
        for j in range(seen, m):
            a[i, j] = zero
        sums[i] += log(total)


@kernel
def _softmax_again(scale, causal, sums, a):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale a_ij - sums_i), with causal 0 for j > i"""
    T = a.dtype.type
    m, scale, zero, low = a.shape[1], T(scale), T(0), T(LOW)
    for i in range(m):
        for j in range(m):
            a[i, j] = max(scale * a[i, j] - sums[i], low)
    _exps(a)
    for i in range(m if causal else 0):
        for j in range(i + 1, m):
            a[i, j] = zero


@kernel
def _softmax_slope(p, scale, d):  # type: ignore[no-untyped-def]
    """d_ij = scale p_ij (d_ij - sum_j p_ij d_ij)"""
    T = d.dtype.type
    m, scale = d.shape[1], T(scale)
    for i in range(m):
        mean = T(0)
        for j in range(m):
            mean += p[i, j] * d[i, j]
        for j in range(m):
            d[i, j] = scale * p[i, j] * (d[i, j] - mean)


@kernel
def attend(qkv, lengths, causal, sums, out):  # type: ignore[no-untyped-def]
    """out = softmax(q k^T / sqrt(size)) v of each head over a row's own steps, 0 beyond; sums: the softmaxes' logarithms.

    qkv: (n, steps, 3 heads size), all of q, of k, of v   out: (n, steps, heads size)   sums: (n, heads, steps)
    """
    heads, steps, wide = sums.shape[1], sums.shape[2], out.shape[2]
    size = wide // heads
    room = scratch(steps * steps, qkv)
    for n in range(out.shape[0]):
        m = lengths[n]
        p = room[: m * m].reshape((m, m))
        out[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            gemm(qkv[n, :m, a:b], qkv[n, :m, wide + a : wide + b].T, 0.0, p)
            _softmax(1 / np.sqrt(size), causal, p, sums[n, h])
            gemm(p, qkv[n, :m, 2 * wide + a : 2 * wide + b], 0.0, out[n, :m, a:b])


@kernel
def attend_back(qkv, lengths, causal, sums, dout, slopes):  # type: ignore[no-untyped-def]
    """dv = p^T dout   ds = softmax' (dout v^T)   dq = ds k   dk = ds^T q, side by side in slopes, 0 beyond the lengths"""
    heads, steps, wide = sums.shape[1], sums.shape[2], dout.shape[2]
    size = wide // heads
    scale = 1 / np.sqrt(size)
    room = scratch(2 * steps * steps, qkv)
    for n in range(dout.shape[0]):
        m = lengths[n]
        p, ds = room[: m * m].reshape((m, m)), room[m * m : 2 * m * m].reshape((m, m))
        slopes[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            q, k, v = qkv[n, :m, a:b], qkv[n, :m, wide + a : wide + b], qkv[n, :m, 2 * wide + a : 2 * wide + b]
            d = dout[n, :m, a:b]
            gemm(q, k.T, 0.0, p)
            _softmax_again(scale, causal, sums[n, h], p)
            gemm(p.T, d, 0.0, slopes[n, :m, 2 * wide + a : 2 * wide + b])
            gemm(d, v.T, 0.0, ds)
            _softmax_slope(p, scale, ds)
            gemm(ds, k, 0.0, slopes[n, :m, a:b])
            gemm(ds.T, q, 0.0, slopes[n, :m, wide + a : wide + b])
