"""Strips: the numbers of some channels, side by side in registers while a window passes.

All arrays are flat, channels are contiguous, and n, at most STRIP_VECTORS vectors of them, are worked on at once; at, bt =
(offset, stride of i, of k), ct and dt are offsets. The window's cells are i < count[0], k < count[1], at least one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.target import HAS_MASKS, VECTOR_BYTES
from spark_deepnet.kernels.vectors import I32, I64, Overlapping, Vectors, lanes_of, places, unpacked_arguments

STRIP_VECTORS = 4  # vectors of a strip
STRIP_BYTES = STRIP_VECTORS * VECTOR_BYTES


def _in_strips(context: Any, builder: Any, sig: Any, values: Any, work: Any) -> Any:
    """The code of work(vectors, arrays, tuples): once for less than a vector of numbers, and once for all other n, without
    masks where the CPU has no registers for them, since each mask would cost ten instructions a cell. The largest of 2x2
    cells over 24x24x20, 128 images, forward and backward: 1.3 ms, with masks 4.0 (AVX2). With AVX-512, masks are the
    quicker: 1.6 ms, overlapping 2.1."""
    arrays, tuples = unpacked_arguments(context, builder, sig, values)
    real, n = arrays[0].type.pointee, values[-1]
    lanes = lanes_of(real)
    with builder.if_else(builder.icmp_signed("<", n, I64(lanes))) as (few, many):
        for case, kind, count in (few, Vectors, 1), (many, Vectors if HAS_MASKS else Overlapping, STRIP_VECTORS):
            with case:
                work(kind(builder, real, lanes, n, count), arrays, tuples)
    return context.get_dummy_value()


@intrinsic
def _strip(
    typingctx: Any, a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any
) -> Any:
    """c[f] = d[f] + sum_ik a[i, k, f] b[i, k, f]"""
    return types.void(a, at, b, bt, count, d, dt, c, ct, n), _strip_codegen


def _strip_codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    def work(t: Vectors, arrays: Any, tuples: Any) -> None:
        (a, b, d, c), (at, bt, count) = arrays, tuples

        def body(i: Any, k: Any, sums: Any) -> Any:
            x, y = t.offset(at, i, k), t.offset(bt, i, k)
            return [t.multiply_add(t.load(a, x, v), t.load(b, y, v), total) for v, total in enumerate(sums)]

        sums = t.loops(count, [t.load(d, values[6], v) for v in range(t.count)], body)
        for v, total in enumerate(sums):
            t.store(total, c, values[8], v)

    return _in_strips(context, builder, sig, values, work)


@intrinsic
def _largest(
    typingctx: Any, a: Any, at: Any, count: Any, first: Any, width: Any, c: Any, kept: Any, ct: Any, n: Any
) -> Any:
    """c[f] = the largest a[i, k, f]; kept[f] = first + i width + k, the number of its cell, the first of equal ones;
    NaN is larger than all numbers"""
    return types.void(a, at, count, first, width, c, kept, ct, n), _largest_codegen


def _largest_codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    first, width = (builder.trunc(x, I32) for x in values[3:5])

    def work(t: Vectors, arrays: Any, tuples: Any) -> None:
        (a, c, kept), (at, count), all_of = arrays, tuples, range(t.count)

        def body(i: Any, k: Any, largest: Any) -> Any:
            row = t.offset(at, i, k)
            number = t.splat(t.offset((first, width, I32(1)), builder.trunc(i, I32), builder.trunc(k, I32)))
            cells = [t.load(a, row, v) for v in all_of]
            more = [_above(builder, x, top) for x, top in zip(cells, largest[: t.count], strict=True)]
            new = [*cells, *[number] * t.count]
            return [builder.select(m, x, y) for m, x, y in zip(2 * more, new, largest, strict=True)]

        largest = t.loops(count, [t.load(a, at[0], v) for v in all_of] + [t.splat(first)] * t.count, body)
        for v in all_of:
            t.store(largest[v], c, values[7], v)
            t.store(t.cut(largest[t.count + v], kept.type.pointee), kept, values[7], v)

    return _in_strips(context, builder, sig, values, work)


def _above(builder: Any, x: Any, top: Any) -> Any:
    """x > top, or x is NaN: a NaN stays"""
    return builder.or_(builder.fcmp_ordered(">", x, top), builder.fcmp_unordered("!=", x, x))


@intrinsic
def _chosen(
    typingctx: Any, a: Any, kept: Any, at: Any, count: Any, first: Any, steps: Any, c: Any, ct: Any, n: Any
) -> Any:
    """c[f] = the sum of those a[i, k, f] for which kept[i, k, f] = first - i steps[0] - k steps[1]"""
    return types.void(a, kept, at, count, first, steps, c, ct, n), _chosen_codegen


def _chosen_codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    def work(t: Vectors, arrays: Any, tuples: Any) -> None:
        (a, kept, c), (at, count, steps) = arrays, tuples
        zero = ir.Constant(ir.VectorType(t.real, t.lanes), None)

        def body(i: Any, k: Any, sums: Any) -> Any:
            row, number = t.offset(at, i, k), builder.sub(values[4], t.offset((I64(0), *steps), i, k))
            number = t.cut(t.splat(number), kept.type.pointee)
            same = [builder.icmp_signed("==", t.load(kept, row, v), number) for v in range(t.count)]
            return [builder.fadd(s, builder.select(same[v], t.load(a, row, v), zero)) for v, s in enumerate(sums)]

        for v, total in enumerate(t.loops(count, [zero] * t.count, body)):
            t.store(total, c, values[7], v)

    return _in_strips(context, builder, sig, values, work)


def _strip_numpy(a: Any, at: Any, b: Any, bt: Any, count: Any, d: Any, dt: Any, c: Any, ct: Any, n: Any) -> None:
    product = places(a, (*at, 1), (*count, n)) * places(b, (*bt, 1), (*count, n))
    c[ct : ct + n] = d[dt : dt + n] + product.sum(axis=(0, 1))


def _largest_numpy(a: Any, at: Any, count: Any, first: Any, width: Any, c: Any, kept: Any, ct: Any, n: Any) -> None:
    cells = places(a, (*at, 1), (*count, n)).reshape(-1, n)
    numbers = (first + np.arange(count[0])[:, None] * width + np.arange(count[1])).reshape(-1)
    c[ct : ct + n], kept[ct : ct + n] = cells.max(axis=0), numbers[cells.argmax(axis=0)]


def _chosen_numpy(a: Any, kept: Any, at: Any, count: Any, first: Any, steps: Any, c: Any, ct: Any, n: Any) -> None:
    numbers = first - np.arange(count[0])[:, None, None] * steps[0] - np.arange(count[1])[:, None] * steps[1]
    cells, chosen = (places(array, (*at, 1), (*count, n)) for array in (a, kept))
    c[ct : ct + n] = np.where(chosen == numbers, cells, 0).sum(axis=(0, 1))


strip, largest, chosen = (_strip, _largest, _chosen) if JIT else (_strip_numpy, _largest_numpy, _chosen_numpy)
