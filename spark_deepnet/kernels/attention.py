"""Scaled dot-product attention, for a few steps of one head of one row at a time, so that their scores stay in the cache.

The scores, steps x steps for each head of each row, are not kept but recomputed in the backward pass from the divisor
of each softmax (Dao, Fu, Ermon, Rudra and Ré, FlashAttention, NeurIPS 2022).
"""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import dot, largest, total
from spark_deepnet.kernels.stable import exp
from spark_deepnet.kernels.windows import scratch

TILE_QUERIES = 64
"""Number of queries that are processed together."""
MIN_EXPONENT = -80.0
"""Minimum argument of exp: below, its result would be subnormal, and arithmetic slow."""


@kernel
def _softmax(scale, causal, first, a, norms):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale (a_ij - top_i)) part_i, top_i = max over j of a_ij, part_i = 1 / sum over j of the same; with
    causal, over j <= first + i, and 0 for the rest; norms = (top, part), from first on"""
    T, m = a.dtype.type, a.shape[1]
    for i in range(a.shape[0]):
        norms[0, first + i] = largest(a[i, : first + i + 1 if causal else m])
    _exps(scale, norms[0, first:], a)
    for i in range(a.shape[0]):
        norms[1, first + i] = T(1) / total(a[i, : first + i + 1 if causal else m])
    _divide(causal, first, norms[1, first:], a)


@kernel
def _softmax_again(scale, causal, first, norms, a):  # type: ignore[no-untyped-def]
    """The same from the norms"""
    _exps(scale, norms[0, first:], a)
    _divide(causal, first, norms[1, first:], a)


@kernel
def _exps(scale, top, a):  # type: ignore[no-untyped-def]
    """a_ij = exp(scale (a_ij - top_i)), the exponent between MIN_EXPONENT and 0: with causal, later numbers may be
    above top"""
    T = a.dtype.type
    scale, low, high = T(scale), T(MIN_EXPONENT), T(0)
    for i in range(a.shape[0]):
        largest = top[i]
        for j in range(a.shape[1]):
            a[i, j] = exp(min(max(scale * (a[i, j] - largest), low), high))


@kernel
def _divide(causal, first, part, a):  # type: ignore[no-untyped-def]
    """a_ij = part_i a_ij, with causal 0 for j > first + i"""
    m, zero = a.shape[1], a.dtype.type(0)
    for i in range(a.shape[0]):
        seen = first + i + 1 if causal else m
        for j in range(seen):
            a[i, j] *= part[i]
        for j in range(seen, m):
            a[i, j] = zero


@kernel
def _softmax_gradient(p, scale, d):  # type: ignore[no-untyped-def]
    """d_ij = scale p_ij (d_ij - sum_j p_ij d_ij)"""
    T = d.dtype.type
    m, scale = d.shape[1], T(scale)
    for i in range(d.shape[0]):
        mean = dot(p[i], d[i])
        for j in range(m):
            d[i, j] = scale * p[i, j] * (d[i, j] - mean)


@kernel
def attend(qkv, lengths, causal, norms, out):  # type: ignore[no-untyped-def]
    """out = softmax(q k^T / sqrt(size)) v of each head over a row's own steps, 0 beyond; norms: see _softmax.

    qkv: (n, steps, 3 heads size), all of q, of k, of v   out: (n, steps, heads size)   norms: (n, heads, 2, steps)
    """
    heads, steps, wide = norms.shape[1], norms.shape[3], out.shape[2]
    size = wide // heads
    room = scratch(TILE_QUERIES * steps, qkv)
    for n in range(out.shape[0]):
        m = lengths[n]
        out[n, m:] = 0
        for i in range(0, m, TILE_QUERIES):
            e = min(i + TILE_QUERIES, m)
            seen = e if causal else m
            p = room[: (e - i) * seen].reshape((e - i, seen))
            for h in range(heads):
                a, b = h * size, (h + 1) * size
                gemm(qkv[n, i:e, a:b], qkv[n, :seen, wide + a : wide + b].T, 0.0, p)
                _softmax(1 / np.sqrt(size), causal, i, p, norms[n, h])
                gemm(p, qkv[n, :seen, 2 * wide + a : 2 * wide + b], 0.0, out[n, i:e, a:b])


@kernel
def attend_back(qkv, lengths, causal, norms, dout, gradients):  # type: ignore[no-untyped-def]
    """dv = p^T dout   ds = softmax' (dout v^T)   dq = ds k   dk = ds^T q, side by side in gradients, 0 beyond the lengths"""
    heads, steps, wide = norms.shape[1], norms.shape[3], dout.shape[2]
    size = wide // heads
    scale = 1 / np.sqrt(size)
    room, more = scratch(TILE_QUERIES * steps, qkv), scratch(TILE_QUERIES * steps, qkv)
    for n in range(dout.shape[0]):
        m = lengths[n]
        gradients[n] = 0
        for i in range(0, m, TILE_QUERIES):
            e = min(i + TILE_QUERIES, m)
            seen = e if causal else m
            p, ds = room[: (e - i) * seen].reshape((e - i, seen)), more[: (e - i) * seen].reshape((e - i, seen))
            for h in range(heads):
                a, b = h * size, (h + 1) * size
                c, f = wide + a, 2 * wide + a
                q, k, v = qkv[n, i:e, a:b], qkv[n, :seen, c : c + size], qkv[n, :seen, f : f + size]
                d = dout[n, i:e, a:b]
                gemm(q, k.T, 0.0, p)
                _softmax_again(scale, causal, i, norms[n, h], p)
                gemm(p.T, d, 1.0, gradients[n, :seen, f : f + size])
                gemm(d, v.T, 0.0, ds)
                _softmax_gradient(p, scale, ds)
                gemm(ds, k, 0.0, gradients[n, i:e, a:b])
                gemm(ds.T, q, 1.0, gradients[n, :seen, c : c + size])
