"""Operations on gradients between the backward pass and the optimizer: scaling, clipping, weight decay."""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.jit import careful


@careful
def clip_and_decay(w, l1, l2, bound, scale, g):  # type: ignore[no-untyped-def]
    """g = clamp(scale g, -bound, bound) + l2 w + l1 sign(w)

    Not fastmath: the bound may be infinite, and a NaN must survive until it is checked.
    """
    T = g.dtype.type
    zero, a, b, top, c = T(0), T(l1), T(l2), T(bound), T(scale)
    for i in range(g.size):
        d = c * g[i]
        d = top if d > top else d
        d = -top if d < -top else d
        sign = a if w[i] > zero else zero
        sign = -a if w[i] < zero else sign
        g[i] = d + b * w[i] + sign


@careful
def all_finite(v):  # type: ignore[no-untyped-def]
    """Whether no v_i is NaN or infinite; v is flat"""
    top = v.dtype.type(np.inf)
    strange = 0
    for i in range(v.size):
        strange += 0 if abs(v[i]) < top else 1
    return strange == 0
