"""The largest or the mean of the cells under a window, channel by channel.   x: (n, rows, columns, channels)"""

from __future__ import annotations

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.strips import STRIP_BYTES, chosen, largest
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
    """y[n, h, w, c] = the largest x of channel c under the window of (h, w); kept: the number of that cell, the first
    of equal ones"""
    (N, height, width, C), (H, W), lanes = y.shape, x.shape[1:3], STRIP_BYTES // x.itemsize
    source, out, numbers = x.reshape(-1), y.reshape(-1), kept.reshape(-1)
    for line in range(N * height):
        n, h = divmod(line, height)
        for w in range(width):
            row, column, a, b, c, d = cells(window, h, w, x)
            at, first = ((n * H + row + a) * W + column + c) * C, a * window.width + c
            for f in range(0, C, lanes):
                here, count = (line * width + w) * C + f, (b - a, d - c)
                largest(source, (at + f, W * C, C), count, first, window.width, out, numbers, here, min(lanes, C - f))


@kernel
def max_pool_back(kept, dy, window, dx):  # type: ignore[no-untyped-def]
    """dx[n, the cell that was kept, c] = the sum of dy[n, h, w, c] over the windows that kept it"""
    (N, H, W, C), (height, width), lanes = dx.shape, dy.shape[1:3], STRIP_BYTES // dx.itemsize
    numbers, source, out = kept.reshape(-1), dy.reshape(-1), dx.reshape(-1)
    steps = window.row_stride * window.width, window.column_stride
    for line in range(N * H):
        n, row = divmod(line, H)
        h, h_end = seen(row + window.top, window.height, window.row_stride, height)
        for column in range(W):
            w, w_end = seen(column + window.left, window.width, window.column_stride, width)
            here = (line * W + column) * C
            if h >= h_end or w >= w_end:
                out[here : here + C] = 0
                continue
            i, j = row + window.top - h * window.row_stride, column + window.left - w * window.column_stride
            at, count = ((n * height + h) * width + w) * C, (h_end - h, w_end - w)
            for f in range(0, C, lanes):
                a, first = (at + f, width * C, C), i * window.width + j
                chosen(source, numbers, a, count, first, steps, out, here + f, min(lanes, C - f))


@kernel
def seen(place, size, stride, count):  # type: ignore[no-untyped-def]
    """The windows, of ``count``, that cover the place of a padded line, as (first, end)"""
    return max(0, -((size - 1 - place) // stride)), min(count, place // stride + 1)


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
    """The number of cells by which the sum is divided: those under the window inside the image with its borders (top,
    left, bottom, right)"""
    row, column = h * window.row_stride - window.top, w * window.column_stride - window.left
    rows = min(row + window.height, x.shape[1] + borders[2]) - max(row, -borders[0])
    columns = min(column + window.width, x.shape[2] + borders[3]) - max(column, -borders[1])
    return rows * columns


@kernel
def add_scaled(x, factor, y):  # type: ignore[no-untyped-def]
    """y_c += factor x_c"""
    for c in range(x.size):
        y[c] += factor * x[c]
