"""Convolution as products of matrices over patches, the cells under a window: of a few output rows, so that the patches
stay in the cache. For few images, for dx where windows step over cells, and for unusual groups; ``direct`` does the
rest.

Source: K. Chellapilla, S. Puri, P. Simard, High performance convolutional neural networks, 2006.
"""

from __future__ import annotations

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.windows import inside, scratch

L2_BYTES = 1 << 20
"""Bytes of patches that stay in a core's L2 cache beside the data that is read and written."""


@kernel
def patches_forward(x, W, b, window, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, f] = sum_ijc x[n, cell (i, j) of the window of (h, w), c] W[i, j, c, f] + b[f]"""
    N, H, width, F = y.shape
    size, groups, rows = _blocks(x, W, y)
    weights, out, room = W.reshape(size, F), y.reshape(N * H * width, F), scratch(rows * width * size, y)
    for q in range(0, N * H, rows):
        count = min(rows, N * H - q)
        for g in range(groups):
            patches = _copied(x, W, window, q, count, g, y, room)
            part = slice(g * F // groups, (g + 1) * F // groups)
            gemm(patches, weights[:, part], 0.0, out[q * width : (q + count) * width, part])
        _add_bias(b, out[q * width : (q + count) * width])


@kernel
def patches_weights(x, dy, window, dW):  # type: ignore[no-untyped-def]
    """dW[i, j, c, f] += sum_nhw x[n, cell (i, j) of the window of (h, w), c] dy[n, h, w, f]"""
    N, H, width, F = dy.shape
    size, groups, rows = _blocks(x, dW, dy)
    gradients, out, room = dW.reshape(size, F), dy.reshape(N * H * width, F), scratch(rows * width * size, dy)
    for q in range(0, N * H, rows):
        count = min(rows, N * H - q)
        for g in range(groups):
            patches = _copied(x, dW, window, q, count, g, dy, room)
            part = slice(g * F // groups, (g + 1) * F // groups)
            gemm(patches.T, out[q * width : (q + count) * width, part], 1.0, gradients[:, part])


@kernel
def patches_back(dy, W, window, dx):  # type: ignore[no-untyped-def]
    """dx[n, cell (i, j) of the window of (h, w), c] = the sum over h, w, i, j of sum_f dy[n, h, w, f] W[i, j, c, f]"""
    dx[:] = 0
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
                _add_patches(cells[r], window, h, g * W.shape[2], dx[n])


@kernel
def _blocks(x, W, y):  # type: ignore[no-untyped-def]
    """(numbers in a patch, groups, output rows whose patches fit the cache)"""
    size = W.shape[0] * W.shape[1] * W.shape[2]
    rows = max(1, L2_BYTES // (size * y.shape[2] * y.itemsize))
    return size, x.shape[3] // W.shape[2], min(rows, y.shape[0] * y.shape[1])


@kernel
def _copied(x, W, window, q, count, g, y, room):  # type: ignore[no-untyped-def]
    """The patches of group g under ``count`` output rows from the q-th of all images: (outputs, numbers)"""
    width, size = y.shape[2], W.shape[0] * W.shape[1] * W.shape[2]
    patches = room[: count * width * size].reshape(count * width, size)
    cells = patches.reshape(count, width, W.shape[0], W.shape[1], W.shape[2])
    for r in range(count):
        n, h = divmod(q + r, y.shape[1])
        _copy_patches(x[n], window, h, g * W.shape[2], cells[r])
    return patches


@kernel
def _copy_patches(x, window, h, first, patches):  # type: ignore[no-untyped-def]
    """patches[w, i, j, c] = x[cell (i, j) of the window of output (h, w), first + c].   x: (rows, columns, channels)"""
    T = patches.dtype.type
    zero = T(0)
    for w in range(patches.shape[0]):
        left = w * window.column_stride - window.left
        a, b = inside(0, window.width, left, window.column_dilation, x.shape[1])
        a = min(a, window.width)
        b = max(a, b)
        for i in range(window.height):
            row = h * window.row_stride - window.top + i * window.row_dilation
            patch = patches[w, i]
            if row < 0 or row >= x.shape[0]:
                patch[:] = zero
                continue
            patch[:a] = zero
            patch[b:] = zero
            for j in range(a, b):
                column = left + j * window.column_dilation
                for c in range(patch.shape[1]):
                    patch[j, c] = x[row, column, first + c]


@kernel
def _add_patches(patches, window, h, first, x):  # type: ignore[no-untyped-def]
    """x[cell (i, j) of the window of output (h, w), first + c] += patches[w, i, j, c]"""
    whole = window.column_dilation == 1 and patches.shape[3] == x.shape[2]  # a row of the window is one run of memory
    for w in range(patches.shape[0]):
        left = w * window.column_stride - window.left
        a, b = inside(0, window.width, left, window.column_dilation, x.shape[1])
        a = min(a, window.width)
        b = max(a, b)
        for i in range(window.height):
            row = h * window.row_stride - window.top + i * window.row_dilation
            if row < 0 or row >= x.shape[0]:
                continue
            if whole:
                _add(patches[w, i, a:b].reshape(-1), x[row, left + a : left + b].reshape(-1))
                continue
            for j in range(a, b):
                _add(patches[w, i, j], x[row, left + j * window.column_dilation, first : first + patches.shape[3]])


@kernel
def _add(v, x):  # type: ignore[no-untyped-def]
    """x_i += v_i"""
    for i in range(v.size):
        x[i] += v[i]


@kernel
def _add_bias(b, y):  # type: ignore[no-untyped-def]
    """y[p, f] += b[f]"""
    for p in range(y.shape[0]):
        for f in range(y.shape[1]):
            y[p, f] += b[f]
