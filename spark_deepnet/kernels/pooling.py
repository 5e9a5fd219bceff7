"""The largest or the mean of the cells under a window, channel by channel.   x: (n, rows, columns, channels)"""

from __future__ import annotations

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.windows import inside


@kernel
def cells(window, h, w, x):  # type: ignore[no-untyped-def]
    """(row, column of the first cell of output (h, w); the rows and columns of the window inside the image x)"""
    row, column = h * window.row_stride - window.top, w * window.column_stride - window.left
    a, b = inside(0, window.height, row, window.row_dilation, x.shape[1])
    c, d = inside(0, window.width, column, window.column_dilation, x.shape[2])
    return row, column, a, b, c, d


@kernel
def max_pool(x, window, y, kept):  # type: ignore[no-untyped-def]
    """y[n, h, w, c] = the largest x of channel c under the window of (h, w); kept: which cell that is, the first such"""
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            for w in range(y.shape[2]):
                row, column, a, b, c, d = cells(window, h, w, x)
                y[n, h, w] = x[n, row + a, column + c]
                kept[n, h, w] = a * window.width + c
                for i in range(a, b):
                    for j in range(c, d):
                        _larger(x[n, row + i, column + j], i * window.width + j, y[n, h, w], kept[n, h, w])


@kernel
def _larger(x, cell, y, kept):  # type: ignore[no-untyped-def]
    number = kept.dtype.type(cell)
    for c in range(x.size):
        more = x[c] > y[c]
        y[c] = x[c] if more else y[c]
        kept[c] = number if more else kept[c]


@kernel
def max_pool_back(kept, dy, window, dx):  # type: ignore[no-untyped-def]
    """dx[n, the cell that was kept, c] = the sum of dy[n, h, w, c] over the windows that kept it"""
    dx[:] = 0
    for n in range(dy.shape[0]):
        for h in range(dy.shape[1]):
            for w in range(dy.shape[2]):
                row, column, a, b, c, d = cells(window, h, w, dx)
                for i in range(a, b):
                    for j in range(c, d):
                        _kept(kept[n, h, w], i * window.width + j, dy[n, h, w], dx[n, row + i, column + j])


@kernel
def _kept(kept, cell, dy, dx):  # type: ignore[no-untyped-def]
    zero, number = dx.dtype.type(0), kept.dtype.type(cell)
    for c in range(dy.size):
        dx[c] += dy[c] if kept[c] == number else zero


@kernel
def average_pool(x, window, borders, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, c] = sum of x[n, cell, c] over the window's cells inside the image / share(h, w)"""
    T = y.dtype.type
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            for w in range(y.shape[2]):
                row, column, a, b, c, d = cells(window, h, w, x)
                part = T(1 / share(window, borders, h, w, x))
                y[n, h, w] = 0
                for i in range(a, b):
                    for j in range(c, d):
                        add_scaled(x[n, row + i, column + j], part, y[n, h, w])


@kernel
def average_pool_back(dy, window, borders, dx):  # type: ignore[no-untyped-def]
    """dx[n, cell, c] = sum of dy[n, h, w, c] / share(h, w) over the windows over the cell"""
    T = dx.dtype.type
    for n in range(dy.shape[0]):
        dx[n] = 0
        for h in range(dy.shape[1]):
            for w in range(dy.shape[2]):
                row, column, a, b, c, d = cells(window, h, w, dx)
                part = T(1 / share(window, borders, h, w, dx))
                for i in range(a, b):
                    for j in range(c, d):
                        add_scaled(dy[n, h, w], part, dx[n, row + i, column + j])


@kernel
def share(window, borders, h, w, x):  # type: ignore[no-untyped-def]
    """By how many cells the sum is divided: those under the window that lie in the image with its borders
    (top, left, bottom, right)"""
    row, column = h * window.row_stride - window.top, w * window.column_stride - window.left
    rows = min(row + window.height, x.shape[1] + borders[2]) - max(row, -borders[0])
    columns = min(column + window.width, x.shape[2] + borders[3]) - max(column, -borders[1])
    return rows * columns


@kernel
def add_scaled(x, factor, y):  # type: ignore[no-untyped-def]
    """y_c += factor x_c"""
    for c in range(x.size):
        y[c] += factor * x[c]
