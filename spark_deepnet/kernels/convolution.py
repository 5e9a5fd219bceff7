"""Convolution of images as products of matrices over patches, a few output rows at a time so that they stay in cache.

x: (n, rows, columns, channels)   W: (height, width, channels / groups, filters)   y: (n, h, w, filters)
Source: K. Chellapilla, S. Puri, P. Simard, High performance convolutional neural networks, 2006; here cut to the cache.
"""

from __future__ import annotations

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.windows import CACHE, add_patches, copy_patches, scratch


@kernel
def convolve(x, W, b, window, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, f] = sum_ijc x[n, cell (i, j) of the window of (h, w), c] W[i, j, c, f] + b[f]; b may be empty"""
    if y.size == 0:
        return
    N, H, width, F = y.shape
    size, groups, rows = _blocks(x, W, y)
    weights, out, room = W.reshape(size, F), y.reshape(N * H * width, F), scratch(rows * width * size, y)
    for q in range(0, N * H, rows):
        count = min(rows, N * H - q)
        for g in range(groups):
            patches = _copied(x, W, window, q, count, g, y, room)
            part = slice(g * F // groups, (g + 1) * F // groups)
            gemm(patches, weights[:, part], 0.0, out[q * width : (q + count) * width, part])
        add_bias(b, out[q * width : (q + count) * width])


@kernel
def convolve_weights(x, dy, window, dW, db):  # type: ignore[no-untyped-def]
    """dW[i, j, c, f] = sum_nhw x[n, cell (i, j) of the window of (h, w), c] dy[n, h, w, f]   db[f] = sum_nhw dy"""
    dW[:] = 0
    db[:] = 0
    if dy.size == 0:
        return
    N, H, width, F = dy.shape
    size, groups, rows = _blocks(x, dW, dy)
    slopes, out, room = dW.reshape(size, F), dy.reshape(N * H * width, F), scratch(rows * width * size, dy)
    for q in range(0, N * H, rows):
        count = min(rows, N * H - q)
        for g in range(groups):
            patches = _copied(x, dW, window, q, count, g, dy, room)
            part = slice(g * F // groups, (g + 1) * F // groups)
            gemm(patches.T, out[q * width : (q + count) * width, part], 1.0, slopes[:, part])
        add_slope(out[q * width : (q + count) * width], db)


@kernel
def convolve_back(dy, W, window, dx):  # type: ignore[no-untyped-def]
    """dx[n, cell (i, j) of the window of (h, w), c] = the sum over h, w, i, j of sum_f dy[n, h, w, f] W[i, j, c, f]"""
    dx[:] = 0
    if dy.size == 0:
        return
    N, H, width, F = dy.shape
    size, groups, rows = _blocks(dx, W, dy)
    weights, out, room = W.reshape(size, F), dy.reshape(N * H * width, F), scratch(rows * width * size, dy)
    for q in range(0, N * H, rows):
        count = min(rows, N * H - q)
        patches = room[: count * width * size].reshape(count * width, size)
        cells = patches.reshape(count, width, W.shape[0], W.shape[1], W.shape[2])
        for g in range(groups):
            part = slice(g * F // groups, (g + 1) * F // groups)
            gemm(out[q * width : (q + count) * width, part], weights[:, part].T, 0.0, patches)
            for r in range(count):
                n, h = divmod(q + r, H)
                add_patches(cells[r], window, h, g * W.shape[2], dx[n])


@kernel
def _blocks(x, W, y):  # type: ignore[no-untyped-def]
    """(numbers in a patch, groups, output rows whose patches fit the cache)"""
    size = W.shape[0] * W.shape[1] * W.shape[2]
    rows = max(1, CACHE // (size * y.shape[2] * y.itemsize))
    return size, x.shape[3] // W.shape[2], min(rows, y.shape[0] * y.shape[1])


@kernel
def _copied(x, W, window, q, count, g, y, room):  # type: ignore[no-untyped-def]
    """The patches of group g under ``count`` output rows from the q-th of all images: (outputs, numbers)"""
    width, size = y.shape[2], W.shape[0] * W.shape[1] * W.shape[2]
    patches = room[: count * width * size].reshape(count * width, size)
    cells = patches.reshape(count, width, W.shape[0], W.shape[1], W.shape[2])
    for r in range(count):
        n, h = divmod(q + r, y.shape[1])
        copy_patches(x[n], window, h, g * W.shape[2], cells[r])
    return patches


@kernel
def depthwise(x, W, b, window, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, c] = sum_ij x[n, cell (i, j) of the window of (h, w), c] W[i, j, 0, c] + b[c]; b may be empty"""
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            y[n, h] = 0
            add_bias(b, y[n, h])
            for i in range(window.height):
                row = h * window.row_stride - window.top + i * window.row_dilation
                if row >= 0 and row < x.shape[1]:
                    _depthwise_row(x[n, row], W[i, :, 0], window, y[n, h])


@kernel
def _depthwise_row(x, W, window, y):  # type: ignore[no-untyped-def]
    for w in range(y.shape[0]):
        for j in range(window.width):
            column = w * window.column_stride - window.left + j * window.column_dilation
            if column >= 0 and column < x.shape[0]:
                for c in range(y.shape[1]):
                    y[w, c] += x[column, c] * W[j, c]


@kernel
def depthwise_back(x, W, dy, window, dW, db, dx):  # type: ignore[no-untyped-def]
    """dW[i, j, 0, c] = sum_nhw x dy, db[c] = sum_nhw dy, and dx += W dy at each cell; db and dx may be empty"""
    dW[:] = 0
    db[:] = 0
    dx[:] = 0
    for n in range(dy.shape[0]):
        for h in range(dy.shape[1]):
            add_slope(dy[n, h], db)
            for i in range(window.height):
                row = h * window.row_stride - window.top + i * window.row_dilation
                if row >= 0 and row < x.shape[1]:
                    _depthwise_weights(x[n, row], dy[n, h], window, dW[i, :, 0])
                    if dx.shape[0] > 0:
                        _depthwise_cells(W[i, :, 0], dy[n, h], window, dx[n, row])


@kernel
def _depthwise_weights(x, dy, window, dW):  # type: ignore[no-untyped-def]
    for w in range(dy.shape[0]):
        for j in range(window.width):
            column = w * window.column_stride - window.left + j * window.column_dilation
            if column >= 0 and column < x.shape[0]:
                for c in range(dy.shape[1]):
                    dW[j, c] += x[column, c] * dy[w, c]


@kernel
def _depthwise_cells(W, dy, window, dx):  # type: ignore[no-untyped-def]
    for w in range(dy.shape[0]):
        for j in range(window.width):
            column = w * window.column_stride - window.left + j * window.column_dilation
            if column >= 0 and column < dx.shape[0]:
                for c in range(dy.shape[1]):
                    dx[column, c] += dy[w, c] * W[j, c]


@kernel
def add_bias(b, y):  # type: ignore[no-untyped-def]
    """y[p, f] += b[f]; b may be empty"""
    if b.size > 0:
        for p in range(y.shape[0]):
            for f in range(y.shape[1]):
                y[p, f] += b[f]


@kernel
def add_slope(dy, db):  # type: ignore[no-untyped-def]
    """db[f] += sum_p dy[p, f]; db may be empty"""
    if db.size > 0:
        for p in range(dy.shape[0]):
            for f in range(dy.shape[1]):
                db[f] += dy[p, f]
