"""A tile of a matrix product that stays in registers: what BLAS is made of, here over any strides.

BLAS wants its matrices with rows one after another, so convolution through it must copy patches. The tile below reads
the image where it lies: its addresses are sums of strides, and one call covers a whole window. It is LLVM code because
NumPy-like loops do not keep a block of sums in registers. On one core with AVX-512 it runs at 150 to 160 GFLOP/s where
MKL's gemm runs at 145 to 155. Source: K. Goto, R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.vectors import I64, WIDE, places, unpacked

ROWS = 8 if WIDE else 6
"""Of a tile: its ROWS x VECTORS sums and VECTORS factors fit the 32 (without AVX-512: 16) registers."""
TALL = 12 if WIDE else 6
VECTORS = 2


@intrinsic
def _tile(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """c[m, f] = d[m, f] + sum_ik a[m, i, k] b[i, k, f]   for m < ROWS, i < count[0], k < count[1], f < n

    a, b, c, d are flat; at = (offset, stride of m, of i, of k), bt = (offset, of i, of k), dt and ct = (offset, of m),
    f is contiguous and n at most VECTORS vectors of them; both counts are at least 1.
    """
    signature = types.void(a, at, b, bt, count, d, dt, c, ct, n)
    return signature, partial(_codegen, rows=ROWS)


@intrinsic
def _tall(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """The same with TALL rows, faster where so many are at hand."""
    return types.void(a, at, b, bt, count, d, dt, c, ct, n), partial(_codegen, rows=TALL)


def _codegen(context: Any, builder: Any, sig: Any, values: Any, rows: int) -> Any:
    t, (a, b, d, c), (at, bt, count, dt, ct) = unpacked(context, builder, sig, values, VECTORS)
    a, b, d, c = (builder.gep(p, [o[0]]) for p, o in ((a, at), (b, bt), (d, dt), (c, ct)))
    sums = [t.load(d, builder.mul(dt[1], I64(m)), v) for m in range(rows) for v in range(VECTORS)]
    steps = [builder.mul(at[1], I64(m)) for m in range(rows)]

    def inner(k: Any, a: Any, b: Any, sums: Any) -> Any:
        a, row = builder.gep(a, [builder.mul(k, at[3])]), builder.mul(k, bt[2])
        factors = [t.load(b, row, v) for v in range(VECTORS)]
        return [
            t.multiply_add(t.splat(builder.load(builder.gep(a, [step]))), factors[v], sums[m * VECTORS + v])
            for m, step in enumerate(steps)
            for v in range(VECTORS)
        ]

    def outer(i: Any, sums: Any) -> Any:
        a_i, b_i = builder.gep(a, [builder.mul(i, at[2])]), builder.gep(b, [builder.mul(i, bt[1])])
        return t.loop(count[1], sums, lambda k, sums: inner(k, a_i, b_i, sums))

    sums = t.loop(count[0], sums, outer)
    for m in range(rows):
        for v in range(VECTORS):
            t.store(sums[m * VECTORS + v], c, builder.mul(ct[1], I64(m)), v)
    return context.get_dummy_value()


def _tile_numpy(
    a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any, rows: int = ROWS
) -> None:
    product = np.tensordot(places(a, at, (rows, *count)), places(b, (*bt, 1), (*count, n)), 2)
    places(c, (*ct, 1), (rows, n))[...] = places(d, (*dt, 1), (rows, n)) + product


tile, tall = (_tile, _tall) if JIT else (_tile_numpy, partial(_tile_numpy, rows=TALL))
