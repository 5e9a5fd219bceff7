"""Convolution: chooses kernels in plain Python, so that only those that a network needs are compiled.

x: (n, rows, columns, channels)   W: (height, width, channels / groups, filters)   y: (n, h, w, filters)
"""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.depthwise import depthwise, depthwise_back, depthwise_weights
from spark_deepnet.kernels.direct import direct, direct_weights, direct_weights_padded, packed
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.patches import patches_back, patches_forward, patches_weights
from spark_deepnet.kernels.tiles import TILE_BYTES, TILE_ROWS
from spark_deepnet.kernels.windows import Window, scratch


def convolve(x: np.ndarray, W: np.ndarray, b: np.ndarray, window: Window, y: np.ndarray) -> None:
    """y[n, h, w, f] = sum_ijc x[n, cell (i, j) of the window of (h, w), c] W[i, j, c, f] + b[f]; b may be empty"""
    start = _started(b, y)
    if _is_depthwise(x, W):
        depthwise(x, W, start, window, y)
    elif y.shape[0] >= TILE_ROWS:
        direct(x, packed(W, x.shape[3] // W.shape[2], False), start, window, y)
    elif y.size > 0:
        patches_forward(x, W, start, window, y)


def convolve_weights(x: np.ndarray, dy: np.ndarray, window: Window, dW: np.ndarray) -> None:
    """dW[i, j, c, f] = sum_nhw x[n, cell (i, j) of the window of (h, w), c] dy[n, h, w, f]"""
    dW[:] = 0
    if _is_depthwise(x, dW):
        depthwise_weights(x, dy, window, dW)
    elif dW.shape[2] % TILE_ROWS == 0:
        direct_weights(x, dy, window, dW)
    elif x.shape[3] == dW.shape[2] and window.column_dilation == 1:
        direct_weights_padded(x, dy, window, dW)
    elif dy.size > 0:
        patches_weights(x, dy, window, dW)


def convolve_back(dy: np.ndarray, W: np.ndarray, window: Window, dx: np.ndarray) -> None:
    """dx[n, cell (i, j) of the window of (h, w), c] = the sum over h, w, i, j of sum_f dy[n, h, w, f] W[i, j, c, f]"""
    if _is_depthwise(dx, W):
        depthwise_back(dy, W, window, dx)
    elif dy.shape[0] >= TILE_ROWS and _is_dense(W, window):
        top = (window.height - 1) * window.row_dilation - window.top
        left = (window.width - 1) * window.column_dilation - window.left
        turned = Window(window.height, window.width, 1, 1, window.row_dilation, window.column_dilation, top, left)
        direct(dy, packed(W, dx.shape[3] // W.shape[2], True), _started(W.reshape(-1)[:0], dx), turned, dx)
    elif dy.size > 0:
        patches_back(dy, W, window, dx)


def _is_depthwise(x: np.ndarray, W: np.ndarray) -> bool:
    return bool(W.shape[2] == 1 and W.shape[3] == x.shape[3])


def _is_dense(W: np.ndarray, window: Window) -> bool:
    """Whether dx is best summed in tiles of dy: not with strides, where most cells of a window would have no output,
    and not if the channels leave much of a vector empty (LeNet's second convolution, 20 of 32: patches take half the
    time)"""
    columns = TILE_BYTES // W.itemsize
    lanes = -(-W.shape[2] // columns) * columns
    return window.row_stride * window.column_stride == 1 and bool(lanes <= 1.3 * W.shape[2])


def _started(b: np.ndarray, y: np.ndarray) -> np.ndarray:
    """b, or zeros if it is empty"""
    return b if b.size > 0 else np.zeros(y.shape[3], y.dtype)


@kernel
def column_sums(dy, db):  # type: ignore[no-untyped-def]
    """db[f] = sum_p dy[p, f], in parts, so that long sums stay exact"""
    db[:] = 0
    part = scratch(dy.shape[1], dy)
    for first in range(0, dy.shape[0], 512):
        part[:] = 0
        for p in range(first, min(first + 512, dy.shape[0])):
            for f in range(dy.shape[1]):
                part[f] += dy[p, f]
        db += part
