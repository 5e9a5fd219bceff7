"""Matrix products from inside kernels: c = a b + beta c through BLAS's own C pointer.

Compared with ``np.dot(..., out)`` this saves copies of transposed operands and the second pass for beta. The pointer is
MKL's if ``pip install spark_deepnet[mkl]`` installed it, otherwise that of SciPy's OpenBLAS. Both have Fortran's
interface of gemm: everything by reference, 32-bit integers, column-major. It is bound by a symbol's name, so cached
kernels stay valid with either library. Source: BLAS reference, https://netlib.org/blas/sgemm.f.
"""

from __future__ import annotations

import ctypes
import os
import sys
from glob import glob
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import get_cython_function_address, intrinsic

from spark_deepnet.kernels.jit import JIT, caller, careful

_SYMBOLS = {"sgemm": "spark_deepnet_sgemm", "dgemm": "spark_deepnet_dgemm"}
_INT, _POINTER = ir.IntType(32), ir.IntType(8).as_pointer()


def _mkl() -> ctypes.CDLL | None:
    """MKL of this Python's prefix, set to use only the calling thread."""
    for path in sorted(glob(os.path.join(sys.prefix, "lib", "libmkl_rt.so*"))):
        try:
            library = ctypes.CDLL(path)
            library.MKL_Set_Threading_Layer(1)  # 1 = sequential, whatever MKL_NUM_THREADS and OMP say
        except (OSError, AttributeError):
            continue
        return library
    return None


def _bind() -> str:
    """Register the addresses of sgemm and dgemm with LLVM. Returns the name of their library."""
    library = None if os.environ.get("SPARK_DEEPNET_BLAS") == "scipy" else _mkl()
    for name, symbol in _SYMBOLS.items():
        if library is not None:
            address = ctypes.cast(getattr(library, name + "_"), ctypes.c_void_p).value
        else:
            address = get_cython_function_address("scipy.linalg.cython_blas", name)
        llvm.add_symbol(symbol, address)
    return "scipy" if library is None else "mkl"


@intrinsic
def _call_gemm(typingctx: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, alpha: Any, a: Any, lda: Any, b: Any,
               ldb: Any, beta: Any, c: Any, ldc: Any) -> Any:  # fmt: skip
    """Fortran's gemm with its 13 arguments: arrays by their data, scalars through the stack."""
    signature = types.void(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    name = _SYMBOLS["sgemm" if c.dtype == types.float32 else "dgemm"]

    def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        def reference(value: Any, kind: Any) -> Any:
            if isinstance(kind, types.Array):
                return builder.bitcast(context.make_array(kind)(context, builder, value).data, _POINTER)
            if isinstance(kind, types.Integer) and kind.bitwidth > 32:
                value = builder.trunc(value, _INT)
            return builder.bitcast(cgutils.alloca_once_value(builder, value), _POINTER)

        kind = ir.FunctionType(ir.VoidType(), [_POINTER] * 13)
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [reference(v, t) for v, t in zip(values, sig.args, strict=True)])
        return context.get_dummy_value()

    return signature, codegen


@caller
def _row_major(a):  # type: ignore[no-untyped-def]
    """Whether BLAS can read a as rows of its leading dimension."""
    size = a.itemsize
    rows, columns = a.shape
    return (columns <= 1 or a.strides[1] == size) and (rows <= 1 or a.strides[0] >= columns * size)


@caller
def _leading(a):  # type: ignore[no-untyped-def]
    rows, columns = a.shape
    return max(1, columns, a.strides[0] // a.itemsize if rows > 1 else 1)


@caller
def _gemm_rows(ta, tb, a, b, beta, c):  # type: ignore[no-untyped-def]
    """a and b as BLAS reads them: rows of a leading dimension, or (t = 'T') the transpose."""
    m, n = c.shape
    k = a.shape[0] if ta == 84 else a.shape[1]
    _call_gemm(tb, ta, n, m, k, c.dtype.type(1), b, _leading(b), a, _leading(a), c.dtype.type(beta), c, _leading(c))


@caller
def _gemm_left(a, tb, b, beta, c):  # type: ignore[no-untyped-def]
    if _row_major(a):
        _gemm_rows(np.uint8(78), tb, a, b, beta, c)
    elif _row_major(a.T):
        _gemm_rows(np.uint8(84), tb, a.T, b, beta, c)
    else:
        _gemm_rows(np.uint8(78), tb, _any_strides(np.ascontiguousarray(a)), b, beta, c)


@intrinsic
def _any_strides(typingctx: Any, a: Any) -> Any:
    """a, of which numba forgets how it lies in memory, so that one compiled product serves all layouts"""
    return a.copy(layout="A")(a), lambda context, builder, sig, values: impl_ret_borrowed(
        context, builder, sig.return_type, values[0]
    )


@careful
def _gemm_blas(a, b, beta, c):  # type: ignore[no-untyped-def]
    _gemm_strides(_any_strides(a), _any_strides(b), np.float64(beta), _any_strides(c))


@caller
def _gemm_strides(a, b, beta, c):  # type: ignore[no-untyped-def]
    if c.size == 0:
        return
    if _row_major(b):
        _gemm_left(a, np.uint8(78), b, beta, c)
    elif _row_major(b.T):
        _gemm_left(a, np.uint8(84), b.T, beta, c)
    else:
        _gemm_left(a, np.uint8(78), _any_strides(np.ascontiguousarray(b)), beta, c)


def _gemm_numpy(a, b, beta, c):  # type: ignore[no-untyped-def]
    c[...] = np.matmul(a, b) + (beta * c if beta else 0)


LIBRARY = _bind()
gemm = _gemm_blas if JIT else _gemm_numpy
"""``gemm(a, b, beta, c)``: c = a b + beta c.   a: (m, k)   b: (k, n)   c: (m, n), rows contiguous; a and b of any
strides (transposes cost nothing, other strides a copy), all of one dtype, float32 or float64."""
