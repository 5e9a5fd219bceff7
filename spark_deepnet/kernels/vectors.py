"""Vectors of numbers in registers, the building blocks of tiles and strips: LLVM code, because NumPy-like loops do not
keep a block of sums in registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.lib.stride_tricks import as_strided

from spark_deepnet.kernels.target import VECTOR_BYTES

I32, I64 = ir.IntType(32), ir.IntType(64)
_LLVM_NAMES = {ir.FloatType(): "f32", ir.DoubleType(): "f64"}


class Vectors:
    """``count`` vectors side by side, of which only the first n numbers are loaded and stored."""

    def __init__(self, builder: Any, real: Any, lanes: int, n: Any, count: int) -> None:
        self.builder, self.real, self.lanes, self.count = builder, real, lanes, count
        self.starts = [I64(v * lanes) for v in range(count)]
        self.is_whole = builder.icmp_signed(">=", n, I64(lanes * count))
        """Whether n is all of them."""
        self.masks = []
        for v in range(count):
            places = ir.Constant(ir.VectorType(I64, lanes), [v * lanes + i for i in range(lanes)])
            self.masks.append(builder.icmp_signed("<", places, self.splat(n)))

    def splat(self, x: Any) -> Any:
        """A vector filled with x."""
        vector = ir.VectorType(x.type, self.lanes)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), x, I32(0))
        zeros = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    def multiply_add(self, x: Any, y: Any, total: Any) -> Any:
        fuse = ["contract"]
        return self.builder.fadd(total, self.builder.fmul(x, y, flags=fuse), flags=fuse)

    def cut(self, x: Any, kind: Any) -> Any:
        """Integers truncated to a smaller type, or unchanged."""
        return x if x.type.element == kind else self.builder.trunc(x, ir.VectorType(kind, self.lanes))

    def offset(self, strides: Any, *places: Any) -> Any:
        """strides = (offset, stride of i, of k ...) at the places i, k ..."""
        total = strides[0]
        for stride, place in zip(strides[1:], places, strict=True):
            total = self.builder.add(total, self.builder.mul(place, stride))
        return total

    def load_whole(self, p: Any, row: Any, v: int) -> Any:
        """The v-th vector of the row that starts ``row`` numbers after p, whatever n is: without mask registers, a mask
        costs ten instructions in an innermost loop."""
        kind = ir.VectorType(p.type.pointee, self.lanes)
        loaded = self.builder.load(self._place(p, row, v, kind))
        loaded.align = self._bytes(kind).constant
        return loaded

    def load(self, p: Any, row: Any, v: int) -> Any:
        """The same, with zeros in place of what is behind the first n numbers, which is not read."""
        kind, mask = ir.VectorType(p.type.pointee, self.lanes), self.masks[v]
        place = self._place(p, row, v, kind)
        function = self._function("load", kind, kind, [place.type, I32, mask.type, kind])
        return self.builder.call(function, [place, self._bytes(kind), mask, ir.Constant(kind, None)])

    def store_whole(self, x: Any, p: Any, row: Any, v: int) -> None:
        """Write the v-th vector of the row, all of it."""
        self.builder.store(x, self._place(p, row, v, x.type)).align = self._bytes(x.type).constant

    def store(self, x: Any, p: Any, row: Any, v: int) -> None:
        place, mask = self._place(p, row, v, x.type), self.masks[v]
        function = self._function("store", x.type, ir.VoidType(), [x.type, place.type, I32, mask.type])
        self.builder.call(function, [x, place, self._bytes(x.type), mask])

    def _place(self, p: Any, row: Any, v: int, kind: Any) -> Any:
        place = self.builder.gep(p, [self.builder.add(row, self.starts[v])])
        return self.builder.bitcast(place, kind.as_pointer())

    def _bytes(self, kind: Any) -> Any:
        """The guaranteed alignment."""
        return I32(1 if kind.element == ir.IntType(8) else 4)

    def _function(self, name: str, kind: Any, result: Any, arguments: Any) -> Any:
        suffix = f"v{self.lanes}{_LLVM_NAMES.get(kind.element, kind.element)}.p0"
        signature = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, signature, f"llvm.masked.{name}.{suffix}")

    def loop(self, count: Any, values: Any, body: Any) -> Any:
        """values = body(i, values) for i < count, at least once"""
        builder = self.builder
        before, block = builder.block, builder.append_basic_block("tile")
        builder.branch(block)
        builder.position_at_end(block)
        i = builder.phi(I64)
        phis = [builder.phi(x.type) for x in values]
        new = body(i, phis)
        following = builder.add(i, I64(1))
        for phi, first, later in zip((i, *phis), (I64(0), *values), (following, *new), strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, builder.block)
        after = builder.append_basic_block("tiled")
        builder.cbranch(builder.icmp_signed("<", following, count), block, after)
        builder.position_at_end(after)
        return new

    def loops(self, counts: Any, values: Any, body: Any) -> Any:
        """values = body(i, k, values) for i < counts[0], k < counts[1]"""
        return self.loop(counts[0], values, lambda i, v: self.loop(counts[1], v, lambda k, v: body(i, k, v)))


class Overlapping(Vectors):
    """The same without masks, for n of at least one vector: those beyond n begin where the last whole one does, so the
    same numbers are worked on twice, and what is made of them is written twice."""

    def __init__(self, builder: Any, real: Any, lanes: int, n: Any, count: int) -> None:
        super().__init__(builder, real, lanes, n, count)
        last = builder.sub(n, I64(lanes))
        fits = [builder.icmp_signed("<=", start, last) for start in self.starts]
        self.starts = [builder.select(fit, start, last) for fit, start in zip(fits, self.starts, strict=True)]

    def load(self, p: Any, row: Any, v: int) -> Any:
        return self.load_whole(p, row, v)

    def store(self, x: Any, p: Any, row: Any, v: int) -> None:
        self.store_whole(x, p, row, v)


def lanes_of(real: Any) -> int:
    """How many numbers of the LLVM type a vector holds."""
    return VECTOR_BYTES // (4 if real == ir.FloatType() else 8)


def unpacked(context: Any, builder: Any, sig: Any, values: Any, count: int) -> tuple[Vectors, list[Any], list[Any]]:
    """An intrinsic's vectors, the pointers of its arrays, all flat, and its tuples; the last argument is n"""
    arrays, tuples = unpacked_arguments(context, builder, sig, values)
    real = arrays[0].type.pointee
    return Vectors(builder, real, lanes_of(real), values[-1], count), arrays, tuples


def unpacked_arguments(context: Any, builder: Any, sig: Any, values: Any) -> tuple[list[Any], list[Any]]:
    """The pointers of an intrinsic's arrays, and its tuples."""
    kinds = list(zip(values, sig.args, strict=True))
    arrays = [context.make_array(k)(context, builder, v).data for v, k in kinds if isinstance(k, types.Array)]
    return arrays, [cgutils.unpack_tuple(builder, v) for v, k in kinds if isinstance(k, types.BaseTuple)]


def places(a: np.ndarray, at: Any, counts: Any) -> np.ndarray:
    """a view of a flat array: at = (offset, strides...)"""
    return as_strided(a[at[0] :], counts, [s * a.itemsize for s in at[1:]])
