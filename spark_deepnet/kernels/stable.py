"""exp and related functions for kernels: float32 versions that vectorize, float64 versions from libm.

A call of libm prevents a loop from vectorizing. In float32 all of these but log come from one polynomial on a reduced
range, x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite, 1980; coefficients of expf in Moshier's Cephes), with clamps
instead of branches; the error is about 2e-7. NaN stays NaN, and numbers too large for float32 become infinite. Their
sums must not be regrouped; only a product and a sum may fuse.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

_f = np.float32
_STRICT = {"fastmath": {"contract"}, "error_model": "numpy"}


def exp(x):  # type: ignore[no-untyped-def]
    """e^x"""
    return np.exp(x)


def expm1(x):  # type: ignore[no-untyped-def]
    """e^x - 1, exact to the last digits near 0"""
    return np.expm1(x)


def log(x):  # type: ignore[no-untyped-def]
    """The natural logarithm."""
    return np.log(x)


def tanh(x):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e^-x)"""
    t = exp(-abs(x))
    return (1 if x >= 0 else t) / (1 + t)


def softplus(x):  # type: ignore[no-untyped-def]
    """log(1 + e^x)"""
    return max(x, 0) + np.log1p(exp(-abs(x)))


def erf(x):  # type: ignore[no-untyped-def]
    """The error function 2 / sqrt(pi) int_0^x e^(-t^2) dt"""
    return type(x)(math.erf(x))


@register_jitable(**_STRICT)
def _reduced(x):  # type: ignore[no-untyped-def]
    """(2^(n - 1), e^r - 1): adding 1.5 2^23 rounds x / ln 2 to n and leaves n in the lowest bits"""
    shifted = x * _f(1.44269504) + _f(12582912)
    n = shifted - _f(12582912)
    r = (x - n * _f(0.693359375)) + n * _f(2.12194440e-4)
    p = _f(1.9875691500e-4) * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    half = np.int32((np.float32(shifted).view(np.int32) << 23) + (126 << 23)).view(np.float32)
    return half, p * (r * r) + r


@register_jitable(**_STRICT)
def _exp_float32(x):  # type: ignore[no-untyped-def]
    """2 (2^(n - 1) (e^r - 1) + 2^(n - 1)); 0 below -86.64, where it would be subnormal"""
    low, high = _f(-86.64), _f(88.72283)
    inside = high if x > high else x
    inside = low if x < low else inside
    half, rest = _reduced(inside)
    y = (half * rest + half) * _f(2)
    y = _f(np.inf) if x > high else y
    return _f(0) if x < low else y


@register_jitable(**_STRICT)
def _expm1_float32(x):  # type: ignore[no-untyped-def]
    """2 (2^(n - 1) (e^r - 1) + (2^(n - 1) - 1/2))"""
    low, high = _f(-40), _f(88.72283)
    inside = high if x > high else x
    inside = low if x < low else inside
    half, rest = _reduced(inside)
    y = (half * rest + (half - _f(0.5))) * _f(2)
    return _f(np.inf) if x > high else y


@register_jitable(**_STRICT)
def _tanh_float32(x):  # type: ignore[no-untyped-def]
    """-m / (m + 2) with m = e^(-2|x|) - 1, and the sign of x"""
    m = _expm1_float32(_f(-2) * abs(x))
    y = m / (m + _f(2))
    return y if x < _f(0) else _f(0) - y


@register_jitable(**_STRICT)
def _sigmoid_float32(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e^-x); 0 below -86, where it would be subnormal"""
    low, high = _f(-86), _f(40)  # from about 17 on it is 1
    inside = high if x > high else x
    inside = low if x < low else inside
    half, rest = _reduced(-inside)
    y = _f(1) / (_f(1) + (half * rest + half) * _f(2))
    return _f(0) if x < low else y


@register_jitable(**_STRICT)
def _softplus_float32(x):  # type: ignore[no-untyped-def]
    """max(x, 0) + log(1 + t), t = e^-|x|;   log(1 + t) = 2 artanh s, s = t / (2 + t) <= 1/3, fitted in s^2"""
    t = _exp_float32(-abs(x))
    s = t / (t + _f(2))
    z = max(s, _f(1e-18)) ** 2
    p = _f(0.281746574) * z + _f(0.279614188)
    p = p * z + _f(0.400248537)
    p = p * z + _f(0.666663159)
    p = p * z + _f(2)
    return (_f(0) if x < _f(0) else x) + s * p


@register_jitable(**_STRICT)
def _erf_float32(x):  # type: ignore[no-untyped-def]
    """x P(x^2) / Q(x^2), fitted up to |x| = 3.92, beyond which it is 1"""
    top = _f(3.92)
    inside = top if x > top else x
    inside = -top if x < -top else inside
    z = inside * inside
    p = _f(2.05014234e-6) * z + _f(2.84883273e-4)
    p = p * z + _f(3.76552936e-3)
    p = p * z + _f(5.2748482e-2)
    p = p * z + _f(1.90404088e-1)
    p = p * z + _f(1.12837915)
    q = _f(3.80923055e-5) * z + _f(1.1625185e-3)
    q = q * z + _f(1.49690469e-2)
    q = q * z + _f(1.14108193e-1)
    q = q * z + _f(5.02073971e-1)
    q = q * z + _f(1)
    y = inside * p / q
    y = _f(1) if x >= top else y
    return _f(-1) if x <= -top else y


@overload(exp, jit_options=_STRICT)
def _exp(x):  # type: ignore[no-untyped-def]
    return _exp_float32 if x == types.float32 else lambda x: math.exp(x)


@overload(expm1, jit_options=_STRICT)
def _expm1(x):  # type: ignore[no-untyped-def]
    return _expm1_float32 if x == types.float32 else lambda x: math.expm1(x)


@overload(log, jit_options=_STRICT)
def _log(x):  # type: ignore[no-untyped-def]
    return lambda x: math.log(x)


@overload(tanh, jit_options=_STRICT)
def _tanh(x):  # type: ignore[no-untyped-def]
    return _tanh_float32 if x == types.float32 else lambda x: math.tanh(x)


@overload(sigmoid, jit_options=_STRICT)
def _sigmoid(x):  # type: ignore[no-untyped-def]
    return _sigmoid_float32 if x == types.float32 else lambda x: 1.0 / (1.0 + math.exp(-x))


@overload(softplus, jit_options=_STRICT)
def _softplus(x):  # type: ignore[no-untyped-def]
    return _softplus_float32 if x == types.float32 else lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@overload(erf, jit_options=_STRICT)
def _erf(x):  # type: ignore[no-untyped-def]
    return _erf_float32 if x == types.float32 else lambda x: math.erf(x)
