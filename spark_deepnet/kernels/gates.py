"""One step of the gates of recurrent layers, forward and backward, all rows side by side.

Gates have their own axis, g[n, gate, j], and are read by index: a view for each row would cost as much as its
arithmetic. A loop over j touches few arrays, since the compiled code must check that they do not overlap before it is
vectorized over j, and beyond a few arrays the compiler gives up.
"""

from __future__ import annotations

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import sigmoid, tanh


@kernel
def _peep(n, p, c, g, k):  # type: ignore[no-untyped-def]
    """g[n, k, j] += p_j c[n, j]"""
    for j in range(p.size):
        g[n, k, j] += p[j] * c[n, j]


@kernel
def _lstm_gate(n, k, b, g):  # type: ignore[no-untyped-def]
    """g[n, k, j] = sigmoid(g[n, k, j] + b[k, j])"""
    for j in range(g.shape[2]):
        g[n, k, j] = sigmoid(g[n, k, j] + b[k, j])


@kernel
def lstm_cell(g, b, p, before, c, h):  # type: ignore[no-untyped-def]
    """A step of an LSTM: the gates g, in place, the new cell c from the one before, and the state h.

    g: (n, 4, u) as are b: (4, u), the gates i, f, c, o   before, c, h: (n, u)
    """
    u = c.shape[1]
    for n in range(c.shape[0]):
        if len(p):
            _peep(n, p[0], before, g, 0)
            _peep(n, p[1], before, g, 1)
        _lstm_gate(n, 0, b, g)
        _lstm_gate(n, 1, b, g)
        for j in range(u):
            g[n, 2, j] = tanh(g[n, 2, j] + b[2, j])
        for j in range(u):
            c[n, j] = g[n, 1, j] * before[n, j] + g[n, 0, j] * g[n, 2, j]
        if len(p):
            _peep(n, p[2], c, g, 3)
        _lstm_gate(n, 3, b, g)
        for j in range(u):
            h[n, j] = g[n, 3, j] * tanh(c[n, j])


@kernel
def lstm_gradient(g, p, before, c, dh, dc, d):  # type: ignore[no-untyped-def]
    """A step of an LSTM backward: d, the gradients with respect to the arguments of the gates' functions; dc, first
    with respect to the new cell, becomes that of the cell before."""
    u, one = c.shape[1], c.dtype.type(1)
    for n in range(c.shape[0]):
        for j in range(u):
            t, o = tanh(c[n, j]), g[n, 3, j]
            d[n, 3, j] = dh[n, j] * t * o * (one - o)
            dc[n, j] += dh[n, j] * o * (one - t * t)
        if len(p):
            for j in range(u):
                dc[n, j] += p[2, j] * d[n, 3, j]
        for j in range(u):
            d[n, 0, j] = dc[n, j] * g[n, 2, j] * g[n, 0, j] * (one - g[n, 0, j])
        for j in range(u):
            d[n, 1, j] = dc[n, j] * before[n, j] * g[n, 1, j] * (one - g[n, 1, j])
        for j in range(u):
            d[n, 2, j] = dc[n, j] * g[n, 0, j] * (one - g[n, 2, j] * g[n, 2, j])
        for j in range(u):
            dc[n, j] *= g[n, 1, j]
        if len(p):
            for j in range(u):
                dc[n, j] += p[0, j] * d[n, 0, j] + p[1, j] * d[n, 1, j]


@kernel
def add_peeped(d, before, c, dp):  # type: ignore[no-untyped-def]
    """dp[k, j] += sum_n d[n, gate, j] times the cell that it reads: i and f the one before, o the new one"""
    for n in range(c.shape[0]):
        for j in range(c.shape[1]):
            dp[0, j] += d[n, 0, j] * before[n, j]
            dp[1, j] += d[n, 1, j] * before[n, j]
            dp[2, j] += d[n, 3, j] * c[n, j]


@kernel
def _gru_gate(n, k, a, b, g):  # type: ignore[no-untyped-def]
    """g[n, k, j] = sigmoid(g[n, k, j] + b[0, k, j] + a[n, k, j] + b[1, k, j])"""
    for j in range(g.shape[2]):
        g[n, k, j] += b[0, k, j] + a[n, k, j] + b[1, k, j]
    for j in range(g.shape[2]):
        g[n, k, j] = sigmoid(g[n, k, j])


@kernel
def gru_cell(g, a, b, m, before, h):  # type: ignore[no-untyped-def]
    """A step of a GRU: the gates g, x W at first, in place, from a = h U; m = a_h + its bias; the new state h.

    g, a: (n, 3, u) as are b: (2, 3, u), the gates z, r, h   m, before, h: (n, u)
    """
    u = h.shape[1]
    for n in range(h.shape[0]):
        _gru_gate(n, 0, a, b, g)
        _gru_gate(n, 1, a, b, g)
        for j in range(u):
            m[n, j] = a[n, 2, j] + b[1, 2, j]
        for j in range(u):
            g[n, 2, j] += b[0, 2, j] + g[n, 1, j] * m[n, j]
        for j in range(u):
            g[n, 2, j] = tanh(g[n, 2, j])
        for j in range(u):
            h[n, j] = g[n, 2, j] + g[n, 0, j] * (before[n, j] - g[n, 2, j])


@kernel
def gru_gradient(g, m, before, dh, d, e):  # type: ignore[no-untyped-def]
    """A step of a GRU backward: the gradients d by x W and e by h U, which differ in the last third; dh becomes the
    part that bypasses the gates."""
    u, one = before.shape[1], before.dtype.type(1)
    for n in range(before.shape[0]):
        for j in range(u):
            d[n, 0, j] = dh[n, j] * (before[n, j] - g[n, 2, j]) * g[n, 0, j] * (one - g[n, 0, j])
        for j in range(u):
            d[n, 2, j] = dh[n, j] * (one - g[n, 0, j]) * (one - g[n, 2, j] * g[n, 2, j])
        for j in range(u):
            d[n, 1, j] = d[n, 2, j] * m[n, j] * g[n, 1, j] * (one - g[n, 1, j])
        for j in range(u):
            e[n, 2, j] = d[n, 2, j] * g[n, 1, j]
        for j in range(u):
            dh[n, j] *= g[n, 0, j]
        for j in range(u):
            e[n, 0, j] = d[n, 0, j]
        for j in range(u):
            e[n, 1, j] = d[n, 1, j]
