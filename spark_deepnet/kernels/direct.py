"""Direct convolution: sums in registers, read directly from the images. No patches, no padded copies.

A tile is one output place in TILE_ROWS or TALL_TILE_ROWS images by as many filters as its vectors hold; the cells of a
window's row are one run of memory, so the sum over a window is a double loop with constant strides, cut to the cells
inside the image. While the tile moves over all places, it uses only a part of the factors that stays in the L1 cache.

Measured on one core (AVX-512, 128 images, GFLOP/s counting the zeros that are left out): 5x5, 32 to 64 channels on 8x8
181, 5x5, 32 to 32 on 16x16 169, 3x3, 64 to 64 on 32x32 145. Tiles of TILE_ROWS neighbouring outputs of one image, which
need a padded copy: 137, 140 and 128. Patches and MKL: 69, 57 and 66.
Source: E. Georganas et al., Anatomy of high-performance deep learning convolutions on SIMD architectures, SC 2018.
"""

from __future__ import annotations

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.target import HAS_MASKS
from spark_deepnet.kernels.tiles import TALL_TILE_ROWS, TILE_BYTES, TILE_ROWS, tall, tile
from spark_deepnet.kernels.windows import copy, inside, scratch

L1_FACTOR_BYTES = 24576
"""Bytes of factors that stay in the L1 cache."""
L2_BYTES = 1 << 19
"""Bytes of some rows of TILE_ROWS images and their outputs that stay in the L2 cache."""
L1_GRADIENT_BYTES = 16384
"""Bytes of some rows of dy that stay in the L1 cache beside x and dW; with 24576, 3x3 over 64 channels is 10 %
slower."""


@kernel
def direct(x, factors, start, window, y):  # type: ignore[no-untyped-def]
    """y = x convolved with the packed factors of all groups, plus start, one number per filter; at least TILE_ROWS
    images"""
    N, groups, blocks, columns = y.shape[0], factors.shape[0], factors.shape[1], factors.shape[3]
    channels, edge = x.shape[3] // groups, scratch(TILE_ROWS * columns, x)
    near = max(1, L1_FACTOR_BYTES // (channels * columns * x.itemsize))
    across = 1 if groups * window.column_dilation > 1 else min(near, window.width)
    down = max(1, min(near // window.width, window.height)) if across == window.width else 1
    line = window.row_stride * x.shape[2] * x.shape[3] + y.shape[2] * y.shape[3]
    rows = max(1, L2_BYTES // (TALL_TILE_ROWS * line * x.itemsize))
    n = 0
    while n < N:
        height = _height(N - n)
        v = min(n, N - height)
        images, outputs, old = x[v : v + height], y[v : v + height], n - v
        n += height
        for first in range(0, y.shape[1], rows):
            lines = first, min(first + rows, y.shape[1])
            for block in range(groups * blocks):
                g, f = divmod(block, blocks)
                filters = g * y.shape[3] // groups + f * columns, (g + 1) * y.shape[3] // groups
                for i in range(0, window.height, down):
                    for j in range(0, window.width, across):
                        cells = i, min(i + down, window.height), j, min(j + across, window.width)
                        part = lines, cells, (g * channels, channels), filters
                        _places(images, factors[g, f], start, window, part, edge, old, outputs)


@kernel
def _height(count):  # type: ignore[no-untyped-def]
    """The next tile's rows if ``count`` images are left: TALL_TILE_ROWS, but TILE_ROWS if these leave no remainder"""
    return (
        TALL_TILE_ROWS
        if count >= TALL_TILE_ROWS and (count % TILE_ROWS > 0 or count >= 2 * TALL_TILE_ROWS)
        else TILE_ROWS
    )


@kernel
def _places(x, factors, start, window, part, edge, old, y):  # type: ignore[no-untyped-def]
    """Some cells of the window over all places; y of the first ``old`` images stays unchanged"""
    H, W, C, F, columns = x.shape[1], x.shape[2], x.shape[3], y.shape[3], factors.shape[1]
    lines, cells, (channel, channels), (f, f_end) = part
    source, flat, out, n = x.reshape(-1), factors.reshape(-1), y.reshape(-1), min(columns, f_end - f)
    written, image, size, run = cells[0] + cells[2] > 0, H * W * C, y.shape[1] * y.shape[2] * F, window.width * channels
    down, across = window.row_dilation, window.column_dilation
    for h in range(lines[0], lines[1]):
        row = h * window.row_stride - window.top
        i, i_end = inside(cells[0], cells[1], row, down, H)
        for w in range(y.shape[2]):
            column = w * window.column_stride - window.left
            j, j_end = inside(cells[2], cells[3], column, across, W)
            here = (h * y.shape[2] + w) * F + f
            if i >= i_end or j >= j_end:
                for m in range(x.shape[0] if written else old, x.shape[0]):
                    copy(start, f, n, out, m * size + here)
                continue
            corner = ((row + i * down) * W + column + j * across) * C + channel
            bt = (i * run + j * channels) * columns, run * columns, columns
            d, dt = (out, (here, size)) if written else (start, (f, 0))
            c, ct = (edge, (0, columns)) if old > 0 else (out, (here, size))
            at, count = (corner, image, down * W * C, 1), (i_end - i, (j_end - j) * channels)
            if x.shape[0] == TALL_TILE_ROWS:
                tall(source, at, flat, bt, count, d, dt, c, ct, n)
            else:
                tile(source, at, flat, bt, count, d, dt, c, ct, n)
            for m in range(old, x.shape[0] if old > 0 else 0):
                copy(edge, m * columns, n, out, m * size + here)


@kernel
def direct_weights(x, dy, window, dW):  # type: ignore[no-untyped-def]
    """dW[i, j, c, f] += sum_nhw x[n, cell (i, j) of the window of (h, w), c] dy[n, h, w, f]; TILE_ROWS divide the
    channels of a group: a tile is TILE_ROWS channels of one cell by some filters, summed over some rows of one image"""
    (N, height, width, F), columns = dy.shape, TILE_BYTES // x.itemsize
    rows, channels = max(1, L1_GRADIENT_BYTES // (width * columns * x.itemsize)), dW.shape[2]
    fields, source, out, gradients = F * channels // x.shape[3], x.reshape(-1), dy.reshape(-1), dW.reshape(-1)
    edge = scratch(0 if HAS_MASKS else rows * width * columns, x)
    edge[:] = 0
    for n in range(N):
        for h in range(0, height, rows):
            lines = h, min(h + rows, height)
            for g in range(F // fields):
                for f in range(g * fields, (g + 1) * fields, columns):
                    count, start = min(columns, (g + 1) * fields - f), (n * height + h) * width * F + f
                    part = n, lines, width, (f, count, F), (g * channels, channels)
                    if HAS_MASKS or count == columns:
                        _cells(source, x.shape, out, (start, width * F, F), window, part, gradients)
                    else:
                        _padded(out, start, F, count, (lines[1] - h) * width, columns, edge)
                        _cells(source, x.shape, edge, (0, width * columns, columns), window, part, gradients)


@kernel
def _padded(dy, start, step, count, places, columns, edge):  # type: ignore[no-untyped-def]
    """edge[p, f] = dy[start + p step + f] for f < count, so that whole vectors of it can be read"""
    for p in range(places):
        copy(dy, start + p * step, count, edge, p * columns)


@kernel
def _cells(x, shape, dy, bt, window, part, dW):  # type: ignore[no-untyped-def]
    """All cells of the window over some lines of the n-th image, for some filters; x, dy and dW are flat, and bt is
    where in dy the first line begins, and how far lines and places are apart"""
    (_, H, W, C), (n, (first, end), width, (f, count, F), (channel, channels)) = shape, part
    down, across = window.row_stride, window.column_stride
    steps = down * W * C, across * C
    for i in range(window.height):
        row = i * window.row_dilation - window.top
        h, h_end = inside(first, end, row, down, H)
        for j in range(window.width if h < h_end else 0):
            column = j * window.column_dilation - window.left
            w, w_end = inside(0, width, column, across, W)
            corner = ((n * H + h * down + row) * W + w * across + column) * C + channel
            b, place = (bt[0] + (h - first) * bt[1] + w * bt[2], bt[1], bt[2]), (i * window.width + j) * channels
            if w < w_end:
                at, ct = (corner, 1, steps[0], steps[1]), (place * F + f, F)
                _tiles(x, at, dy, b, (h_end - h, w_end - w), dW, ct, channels, count)


@kernel
def _tiles(a, at, b, bt, counts, c, ct, rows, n):  # type: ignore[no-untyped-def]
    """The sums of tiles over ``rows`` rows, a multiple of TILE_ROWS: in pairs of tall tiles, since TALL_TILE_ROWS is
    not a multiple of it"""
    m = 0
    while m < rows:
        a_m, c_m = (at[0] + m, at[1], at[2], at[3]), (ct[0] + m * ct[1], ct[1])
        if rows - m >= 2 * TALL_TILE_ROWS or (rows - m) % TILE_ROWS > 0:
            tall(a, a_m, b, bt, counts, c, c_m, c, c_m, n)
            m += TALL_TILE_ROWS
        else:
            tile(a, a_m, b, bt, counts, c, c_m, c, c_m, n)
            m += TILE_ROWS


@kernel
def direct_weights_padded(x, dy, window, dW):  # type: ignore[no-untyped-def]
    """The same for any number of channels, without groups and column dilation: a tile is TILE_ROWS numbers of one row of the
    window, which may reach beyond it, so the sums have room and each image is copied with its border of zeros"""
    (N, H, width, F), channels = dy.shape, x.shape[3]
    height = (H - 1) * window.row_stride + (window.height - 1) * window.row_dilation + 1
    across = (width - 1) * window.column_stride + window.width
    run, size, columns = window.width * channels, height * across * channels, TILE_BYTES // x.itemsize
    room, wide, line = scratch(size + TILE_ROWS, x), -(-run // TILE_ROWS) * TILE_ROWS, across * channels
    sums = scratch(window.height * wide * F, x)
    sums[:] = 0
    room[size:] = 0
    edge = scratch(0 if HAS_MASKS or F % columns == 0 else H * width * columns, x)
    edge[:] = 0
    rows = max(1, min(H, L1_GRADIENT_BYTES // (width * columns * x.itemsize)))
    for n in range(N):
        _framed(x[n], window, height, across, room)
        out, last = dy[n].reshape(-1), F if HAS_MASKS else F - F % columns
        _padded(out, last, F, F - last, H * width if last < F else 0, columns, edge)
        for part in range(-(-H // rows) * window.height):
            h, i = part // window.height * rows, part % window.height
            row = i * window.row_dilation
            a, b = inside(h, min(h + rows, H), row - window.top, window.row_stride, x.shape[1])
            for f in range(0, F if a < b else 0, columns):
                at = (a * window.row_stride + row) * line, 1, window.row_stride * line, window.column_stride * channels
                ct, counts = (i * wide * F + f, F), (b - a, width)
                if f < last:
                    bt = a * width * F + f, width * F, F
                    _tiles(room, at, out, bt, counts, sums, ct, wide, min(columns, F - f))
                else:
                    bt = a * width * columns, width * columns, columns
                    _tiles(room, at, edge, bt, counts, sums, ct, wide, F - last)
    gradients, padded_sums = dW.reshape(window.height, run, F), sums.reshape(window.height, wide, F)
    gradients += padded_sums[:, :run]


@kernel
def _framed(x, window, height, across, room):  # type: ignore[no-untyped-def]
    """room[r, v, c] = x[r - top, v - left, c], 0 beyond the image; room: flat, (height, across, channels)"""
    channels, cells = x.shape[2], x.shape[1] * x.shape[2]
    a, b = window.left * channels, max(0, min(across * channels, cells + window.left * channels))
    for r in range(height):
        line = room[r * across * channels : (r + 1) * across * channels]
        h = r - window.top
        if h < 0 or h >= x.shape[0]:
            line[:] = 0
            continue
        line[:a] = 0
        copy(x[h].reshape(-1), 0, b - a, line, a)
        line[b:] = 0


@kernel
def packed(W, groups, back):  # type: ignore[no-untyped-def]
    """factors[g, f // columns, (i, j, c), f % columns] = W[i, j, c, g filters / groups + f], padded with zeros; back:
    the factors of dx, whose filters are the channels, W[height - 1 - i, width - 1 - j, f, g filters / groups + c]"""
    height, width, ins, outs = W.shape[0], W.shape[1], W.shape[2], W.shape[3] // groups
    if back:
        ins, outs = outs, ins
    columns = TILE_BYTES // W.itemsize
    blocks, size = -(-outs // columns), height * width * ins
    factors = scratch(groups * blocks * size * columns, W).reshape(groups, blocks, size, columns)
    if outs % columns > 0:
        factors[:] = 0
    for g in range(groups):
        for f in range(0, outs, columns):
            count, block = min(columns, outs - f), factors[g, f // columns]
            for k in range(size):
                i, j, c = k // ins // width, k // ins % width, k % ins
                if back:
                    cell = W[height - 1 - i, width - 1 - j]
                    for lane in range(count):
                        block[k, lane] = cell[f + lane, g * ins + c]
                else:
                    copy(W[i, j, c], g * outs + f, count, block[k], 0)
    return factors
