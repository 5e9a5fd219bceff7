"""What layers of Keras and PyTorch compute, written from their documentation over arrays in their own axes and gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def keras_conv(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, groups: int = 1) -> np.ndarray:
    """x (n, h, w, c), kernel (a, b, c / groups, filters)"""
    a, b, channels, filters = kernel.shape
    y = np.zeros((len(x), x.shape[1] - a + 1, x.shape[2] - b + 1, filters))
    each = filters // groups
    for f in range(filters):
        own = x[..., f // each * channels : (f // each + 1) * channels]
        for i in range(a):
            for j in range(b):
                y[..., f] += own[:, i : i + y.shape[1], j : j + y.shape[2]] @ kernel[i, j, :, f]
    return y + bias


def keras_depthwise(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """kernel (a, b, channels, multiplier); output channel c * multiplier + m"""
    a, b, channels, multiplier = kernel.shape
    y = np.zeros((len(x), x.shape[1] - a + 1, x.shape[2] - b + 1, channels * multiplier))
    for c in range(channels):
        for m in range(multiplier):
            for i in range(a):
                for j in range(b):
                    part = x[:, i : i + y.shape[1], j : j + y.shape[2], c]
                    y[..., c * multiplier + m] += part * kernel[i, j, c, m]
    return y


def keras_transpose(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """kernel (a, b, filters, channels): each number is spread over a window"""
    a, b, filters, _ = kernel.shape
    n, h, w, _ = x.shape
    y = np.zeros((n, (h - 1) * stride + a, (w - 1) * stride + b, filters))
    for p in range(h):
        for q in range(w):
            window = np.einsum("nc,ijfc->nijf", x[:, p, q], kernel)
            y[:, p * stride : p * stride + a, q * stride : q * stride + b] += window
    return y + bias


def torch_conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, groups: int = 1) -> np.ndarray:
    """x (n, c, h, w), weight (filters, c / groups, a, b)"""
    filters, channels, a, b = weight.shape
    y = np.zeros((len(x), filters, x.shape[2] - a + 1, x.shape[3] - b + 1))
    each = filters // groups
    for f in range(filters):
        own = x[:, f // each * channels : (f // each + 1) * channels]
        for i in range(a):
            for j in range(b):
                part = own[:, :, i : i + y.shape[2], j : j + y.shape[3]]
                y[:, f] += np.einsum("nchw,c->nhw", part, weight[f, :, i, j])
    return y + bias[:, None, None]


def torch_transpose(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, groups: int) -> np.ndarray:
    """weight (c, filters / groups, a, b)"""
    channels, filters, a, b = weight.shape
    n, _, h, w = x.shape
    y = np.zeros((n, filters * groups, (h - 1) * stride + a, (w - 1) * stride + b))
    for c in range(channels):
        first = c // (channels // groups) * filters
        for p in range(h):
            for q in range(w):
                own = y[:, first : first + filters, p * stride : p * stride + a, q * stride : q * stride + b]
                own += x[:, c, p, q, None, None, None] * weight[c]
    return y + bias[:, None, None]


def keras_lstm(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Gates i, f, c, o; every state."""
    h = c = np.zeros((len(x), len(recurrent)))
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, 1)


def keras_gru(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Gates z, r, h, with reset_after: bias (2, 3 units)"""
    h = np.zeros((len(x), len(recurrent)))
    states = []
    for t in range(x.shape[1]):
        xz, xr, xh = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        h = z * h + (1 - z) * np.tanh(xh + r * hh)
        states.append(h)
    return np.stack(states, 1)


def keras_rnn(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    h = np.zeros((len(x), len(recurrent)))
    states = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
        states.append(h)
    return np.stack(states, 1)


def torch_lstm(x: np.ndarray, ih: np.ndarray, hh: np.ndarray, b_ih: np.ndarray, b_hh: np.ndarray) -> np.ndarray:
    """Gates i, f, g, o: rows of the weights."""
    h = c = np.zeros((len(x), hh.shape[1]))
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ ih.T + b_ih + h @ hh.T + b_hh, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, 1)


def torch_gru(x: np.ndarray, ih: np.ndarray, hh: np.ndarray, b_ih: np.ndarray, b_hh: np.ndarray) -> np.ndarray:
    """Gates r, z, n."""
    h = np.zeros((len(x), hh.shape[1]))
    states = []
    for t in range(x.shape[1]):
        xr, xz, xn = np.split(x[:, t] @ ih.T + b_ih, 3, axis=1)
        hr, hz, hn = np.split(h @ hh.T + b_hh, 3, axis=1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        states.append(h)
    return np.stack(states, 1)


def torch_rnn(x: np.ndarray, ih: np.ndarray, hh: np.ndarray, b_ih: np.ndarray, b_hh: np.ndarray) -> np.ndarray:
    return keras_rnn(x, ih.T, hh.T, b_ih + b_hh)


def normalized(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, epsilon: float) -> np.ndarray:
    return (x - mean) / np.sqrt(variance + epsilon)


def layer_normalized(x: np.ndarray, epsilon: float) -> np.ndarray:
    return normalized(x, x.mean(-1, keepdims=True), x.var(-1, keepdims=True), epsilon)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """q, k, v (n, steps, heads, key): (n, steps, heads, key)"""
    logits = np.einsum("nshk,nthk->nhst", q, k) / np.sqrt(q.shape[-1])
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("nhst,nthk->nshk", e / e.sum(-1, keepdims=True), v)


def keras_attention(x: np.ndarray, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Kernel and bias of query, key, value (features, heads, key) and of the output (heads, key, features)."""
    q, k, v = (np.einsum("nsd,dhk->nshk", x, arrays[j]) + arrays[j + 1] for j in (0, 2, 4))
    return np.einsum("nshk,hkd->nsd", attention(q, k, v), arrays[6]) + arrays[7]


def torch_attention(
    x: np.ndarray, inner: np.ndarray, b: np.ndarray, out: np.ndarray, bo: np.ndarray, heads: int
) -> np.ndarray:
    n, steps, d = x.shape
    q, k, v = (part.reshape(n, steps, heads, d // heads) for part in np.split(x @ inner.T + b, 3, axis=-1))
    return attention(q, k, v).reshape(n, steps, d) @ out.T + bo
