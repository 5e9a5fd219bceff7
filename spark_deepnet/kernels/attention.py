"""Scaled dot-product attention, row by row and head by head, so that a head's scores stay in the cache.

The scores, steps x steps for each head of each row, are not kept but made anew for the backward pass, from what each
softmax was divided by (Dao, Fu, Ermon, Rudra and Ré, FlashAttention, NeurIPS 2022).
"""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp
from spark_deepnet.kernels.windows import scratch

LOW = -80.0
"""The least that exp is asked for: its result would leave the normal numbers, where arithmetic is slow."""


@kernel
def _softmax(scale, causal, a, norms):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale (a_ij - top_i)) part_i, top_i = max over j of a_ij, part_i = 1 / sum over j of the same; with
    causal, over j <= i, and 0 for the rest; norms = (top, part)"""
    T = a.dtype.type
    m, zero = a.shape[1], T(0)
    for i in range(m):
        top = a[i, 0]
        for j in range(i + 1 if causal else m):
            top = max(top, a[i, j])
        norms[0, i] = top
    _exps(scale, norms[0], a)
    for i in range(m):
        total = zero
        for j in range(i + 1 if causal else m):
            total += a[i, j]
        norms[1, i] = T(1) / total
    _divide(causal, norms[1], a)


@kernel
def _softmax_again(scale, causal, norms, a):  # type: ignore[no-untyped-def]
    """The same from the norms"""
    _exps(scale, norms[0], a)
    _divide(causal, norms[1], a)


@kernel
def _exps(scale, top, a):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale (a_ij - top_i)); exp is one long loop, as the ends of short ones cost as much as they do"""
    T = a.dtype.type
    scale, low, high = T(scale), T(LOW), T(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = min(max(scale * (a[i, j] - top[i]), low), high)
    flat = a.reshape(-1)
    for j in range(flat.size):
        flat[j] = exp(flat[j])


@kernel
def _divide(causal, part, a):  # type: ignore[no-untyped-def]
    """a_ij = part_i a_ij, with causal 0 for j > i"""
    m, zero = a.shape[1], a.dtype.type(0)
    for i in range(m):
        seen = i + 1 if causal else m
        for j in range(seen):
            a[i, j] *= part[i]
        for j in range(seen, m):
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
def attend(qkv, lengths, causal, norms, out):  # type: ignore[no-untyped-def]
    """out = softmax(q k^T / sqrt(size)) v of each head over a row's own steps, 0 beyond; norms: see _softmax.

    qkv: (n, steps, 3 heads size), all of q, of k, of v   out: (n, steps, heads size)   norms: (n, heads, 2, steps)
    """
    heads, steps, wide = norms.shape[1], norms.shape[3], out.shape[2]
    size = wide // heads
    room = scratch(steps * steps, qkv)
    for n in range(out.shape[0]):
        m = lengths[n]
        p = room[: m * m].reshape((m, m))
        out[n, m:] = 0
        for h in range(heads if m > 0 else 0):
            a, b = h * size, (h + 1) * size
            gemm(qkv[n, :m, a:b], qkv[n, :m, wide + a : wide + b].T, 0.0, p)
            _softmax(1 / np.sqrt(size), causal, p, norms[n, h])
            gemm(p, qkv[n, :m, 2 * wide + a : 2 * wide + b], 0.0, out[n, :m, a:b])


@kernel
def attend_back(qkv, lengths, causal, norms, dout, slopes):  # type: ignore[no-untyped-def]
    """dv = p^T dout   ds = softmax' (dout v^T)   dq = ds k   dk = ds^T q, side by side in slopes, 0 beyond the lengths"""
    heads, steps, wide = norms.shape[1], norms.shape[3], dout.shape[2]
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
            _softmax_again(scale, causal, norms[n, h], p)
            gemm(p.T, d, 0.0, slopes[n, :m, 2 * wide + a : 2 * wide + b])
            gemm(d, v.T, 0.0, ds)
            _softmax_slope(p, scale, ds)
            gemm(ds, k, 0.0, slopes[n, :m, a:b])
            gemm(ds.T, q, 0.0, slopes[n, :m, wide + a : wide + b])
