"""A tile of a matrix product that stays in registers: the core of BLAS, here over any strides.

BLAS needs matrices with consecutive rows, so convolution through it must copy patches. The tile below reads the image
directly: its addresses are sums of strides, and one call covers a whole window. It is LLVM code because NumPy-like
loops do not keep a block of sums in registers. On one core with AVX-512 it runs at 150 to 160 GFLOP/s; MKL's gemm runs
at 145 to 155. Source: K. Goto, R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.target import HAS_MASKS, REGISTERS, VECTOR_BYTES
from spark_deepnet.kernels.vectors import I64, places, unpacked

TILE_ROWS = 8 if REGISTERS == 32 else 4
"""Rows of a tile: its TILE_ROWS x TILE_VECTORS sums and TILE_VECTORS factors fit the registers. Of 16 registers 8
hold sums, as many as multiply-adds are under way; with 6 rows, eight images would take two tiles, and four of them be
computed twice (VGG's stacks, AVX2, 16 rows: 1,000 ms a step, with 4 rows 762)."""
TALL_TILE_ROWS = 12 if REGISTERS == 32 else 6
TILE_VECTORS = 2
TILE_BYTES = TILE_VECTORS * VECTOR_BYTES
"""Bytes of a tile's row."""


@intrinsic
def _tile(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """c[m, f] = d[m, f] + sum_ik a[m, i, k] b[i, k, f]   for m < TILE_ROWS, i < count[0], k < count[1], f < n

    a, b, c, d are flat; at = (offset, stride of m, of i, of k), bt = (offset, of i, of k), dt and ct = (offset, of m),
    f is contiguous and n at most TILE_VECTORS vectors of them, which b has in full unless HAS_MASKS; both counts are at
    least 1.
    """
    signature = types.void(a, at, b, bt, count, d, dt, c, ct, n)
    return signature, partial(_codegen, rows=TILE_ROWS)


@intrinsic
def _tall(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """The same with TALL_TILE_ROWS rows, faster if there are enough rows."""
    return types.void(a, at, b, bt, count, d, dt, c, ct, n), partial(_codegen, rows=TALL_TILE_ROWS)


def _codegen(context: Any, builder: Any, sig: Any, values: Any, rows: int) -> Any:
    t, (a, b, d, c), (at, bt, count, dt, ct) = unpacked(context, builder, sig, values, TILE_VECTORS)
    a, b, d, c = (builder.gep(p, [o[0]]) for p, o in ((a, at), (b, bt), (d, dt), (c, ct)))
    load = t.load if HAS_MASKS else t.load_whole
    sums = [t.load(d, builder.mul(dt[1], I64(m)), v) for m in range(rows) for v in range(TILE_VECTORS)]
    steps = [builder.mul(at[1], I64(m)) for m in range(rows)]

    def inner(k: Any, a: Any, b: Any, sums: Any) -> Any:
        a, row = builder.gep(a, [builder.mul(k, at[3])]), builder.mul(k, bt[2])
        factors = [load(b, row, v) for v in range(TILE_VECTORS)]
        return [
            t.multiply_add(t.splat(builder.load(builder.gep(a, [step]))), factors[v], sums[m * TILE_VECTORS + v])
            for m, step in enumerate(steps)
            for v in range(TILE_VECTORS)
        ]

    def outer(i: Any, sums: Any) -> Any:
        a_i, b_i = builder.gep(a, [builder.mul(i, at[2])]), builder.gep(b, [builder.mul(i, bt[1])])
        return t.loop(count[1], sums, lambda k, sums: inner(k, a_i, b_i, sums))

    sums = t.loop(count[0], sums, outer)
    with builder.if_else(t.is_whole) as (whole, cut):
        for case, store in ((whole, t.store_whole), (cut, t.store)):
            with case:
                for m in range(rows):
                    for v in range(TILE_VECTORS):
                        store(sums[m * TILE_VECTORS + v], c, builder.mul(ct[1], I64(m)), v)
    return context.get_dummy_value()


def _tile_numpy(
    a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any, rows: int = TILE_ROWS
) -> None:
    product = np.tensordot(places(a, at, (rows, *count)), places(b, (*bt, 1), (*count, n)), 2)
    places(c, (*ct, 1), (rows, n))[...] = places(d, (*dt, 1), (rows, n)) + product


tile, tall = (_tile, _tall) if JIT else (_tile_numpy, partial(_tile_numpy, rows=TALL_TILE_ROWS))
