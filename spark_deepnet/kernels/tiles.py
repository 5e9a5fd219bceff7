"""A tile of a matrix product that stays in registers: what BLAS is made of, here over any strides.

BLAS wants its matrices with rows one after another, so convolution through it must copy patches. The tile below reads
the image where it lies: its addresses are sums of strides, and one call covers a whole window. It is LLVM code because
NumPy-like loops do not keep a block of sums in registers. On one core with AVX-512 it runs at 150 to 160 GFLOP/s where
MKL's gemm runs at 145 to 155. Source: K. Goto, R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.lib.stride_tricks import as_strided

from spark_deepnet.kernels.jit import JIT

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
BYTES = 64 if _WIDE else 32  # of a vector
ROWS = (
    8 if _WIDE else 6
)  # of a tile: ROWS x VECTORS sums and VECTORS factors fit the 32 (without AVX-512: 16) registers
TALL = 12 if _WIDE else 6
VECTORS = 2
STRIP = 4  # vectors of a strip
_I32, _I64 = ir.IntType(32), ir.IntType(64)


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
    """The same with TALL rows: 7 % faster where so many are at hand."""
    return types.void(a, at, b, bt, count, d, dt, c, ct, n), partial(_codegen, rows=TALL)


@intrinsic
def _strip(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """c[f] = d[f] + sum_ik a[i, k, f] b[i, k, f]   for i < count[0], k < count[1], f < n

    at, bt = (offset, stride of i, of k), dt and ct are offsets, n at most STRIP vectors; else as above.
    """
    signature = types.void(a, at, b, bt, count, d, dt, c, ct, n)
    return signature, _strip_codegen


def _codegen(context: Any, builder: Any, sig: Any, values: Any, rows: int) -> Any:
    real = context.get_data_type(sig.args[0].dtype)
    lanes = BYTES // (sig.args[0].dtype.bitwidth // 8)
    t = _Tile(builder, real, lanes, values[9], VECTORS)
    a, b, d, c = (context.make_array(sig.args[i])(context, builder, values[i]).data for i in (0, 2, 5, 7))
    at, bt, count, dt, ct = (cgutils.unpack_tuple(builder, values[i]) for i in (1, 3, 4, 6, 8))
    a, b, d, c = (builder.gep(p, [o[0]]) for p, o in ((a, at), (b, bt), (d, dt), (c, ct)))
    sums = [t.load(d, builder.mul(dt[1], _I64(m)), v) for m in range(rows) for v in range(VECTORS)]
    steps = [builder.mul(at[1], _I64(m)) for m in range(rows)]

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
            t.store(sums[m * VECTORS + v], c, builder.mul(ct[1], _I64(m)), v)
    return context.get_dummy_value()


def _strip_codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    real = context.get_data_type(sig.args[0].dtype)
    t = _Tile(builder, real, BYTES // (sig.args[0].dtype.bitwidth // 8), values[9], STRIP)
    a, b, d, c = (context.make_array(sig.args[i])(context, builder, values[i]).data for i in (0, 2, 5, 7))
    at, bt, count = (cgutils.unpack_tuple(builder, values[i]) for i in (1, 3, 4))

    def offset(strides: Any, i: Any, k: Any) -> Any:
        row = builder.add(strides[0], builder.mul(i, strides[1]))
        return builder.add(row, builder.mul(k, strides[2]))

    def outer(i: Any, sums: Any) -> Any:
        def inner(k: Any, sums: Any) -> Any:
            x, y = offset(at, i, k), offset(bt, i, k)
            return [t.multiply_add(t.load(a, x, v), t.load(b, y, v), total) for v, total in enumerate(sums)]

        return t.loop(count[1], sums, inner)

    sums = t.loop(count[0], [t.load(d, values[6], v) for v in range(STRIP)], outer)
    for v, total in enumerate(sums):
        t.store(total, c, values[8], v)
    return context.get_dummy_value()


class _Tile:
    """The few things that a tile is written in."""

    def __init__(self, builder: Any, real: Any, lanes: int, n: Any, vectors: int) -> None:
        self.builder, self.real, self.lanes = builder, real, lanes
        self.vector = ir.VectorType(real, lanes)
        self.masks = []
        for v in range(vectors):
            places = ir.Constant(ir.VectorType(_I64, lanes), [v * lanes + i for i in range(lanes)])
            self.masks.append(builder.icmp_signed("<", places, self.splat(n, _I64)))

    def splat(self, x: Any, kind: Any = None) -> Any:
        vector = ir.VectorType(kind or self.real, self.lanes)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), x, _I32(0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        fuse = ["contract"]
        return self.builder.fadd(total, self.builder.fmul(x, y, flags=fuse), flags=fuse)

    def _place(self, p: Any, row: Any, v: int) -> Any:
        place = self.builder.gep(p, [self.builder.add(row, _I64(v * self.lanes))])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def load(self, p: Any, row: Any, v: int) -> Any:
        place, mask = self._place(p, row, v), self.masks[v]
        function = self._function("load", self.vector, [place.type, _I32, mask.type, self.vector])
        return self.builder.call(function, [place, _I32(4), mask, ir.Constant(self.vector, None)])

    def store(self, x: Any, p: Any, row: Any, v: int) -> None:
        place, mask = self._place(p, row, v), self.masks[v]
        function = self._function("store", ir.VoidType(), [self.vector, place.type, _I32, mask.type])
        self.builder.call(function, [x, place, _I32(4), mask])

    def _function(self, name: str, result: Any, arguments: Any) -> Any:
        suffix = f"v{self.lanes}{'f32' if self.real == ir.FloatType() else 'f64'}.p0"
        kind = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.{name}.{suffix}")

    def loop(self, count: Any, values: Any, body: Any) -> Any:
        """values = body(i, values) for i < count, at least once"""
        builder = self.builder
        before, block = builder.block, builder.append_basic_block("tile")
        builder.branch(block)
        builder.position_at_end(block)
        i = builder.phi(_I64)
        phis = [builder.phi(x.type) for x in values]
        new = body(i, phis)
        following = builder.add(i, _I64(1))
        for phi, first, later in zip((i, *phis), (_I64(0), *values), (following, *new), strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, builder.block)
        after = builder.append_basic_block("tiled")
        builder.cbranch(builder.icmp_signed("<", following, count), block, after)
        builder.position_at_end(after)
        return new


def _places(a: np.ndarray, at: Any, counts: Any) -> np.ndarray:
    """a view of a flat array: at = (offset, strides...)"""
    return as_strided(a[at[0] :], counts, [s * a.itemsize for s in at[1:]])


def _tile_numpy(
    a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any, rows: int = ROWS
) -> None:
    product = np.tensordot(_places(a, at, (rows, *count)), _places(b, (*bt, 1), (*count, n)), 2)
    _places(c, (*ct, 1), (rows, n))[...] = _places(d, (*dt, 1), (rows, n)) + product


def _strip_numpy(a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any) -> None:
    product = _places(a, (*at, 1), (*count, n)) * _places(b, (*bt, 1), (*count, n))
    c[ct : ct + n] = d[dt : dt + n] + product.sum(axis=(0, 1))


tile, tall, strip = (_tile, _tall, _strip) if JIT else (_tile_numpy, partial(_tile_numpy, rows=TALL), _strip_numpy)
