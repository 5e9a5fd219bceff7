"""Gathers rows into a batch, and hashes rows: the inner loops of reading data."""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.jit import careful, kernel
from spark_deepnet.kernels.random import bits


@kernel
def gather_rows(source, index, out):  # type: ignore[no-untyped-def]
    """out[n, j] = source[index[n], j], whatever the source's type"""
    for n in range(index.size):
        row = index[n]
        for j in range(source.shape[1]):
            out[n, j] = source[row, j]


@kernel
def gather_sparse_rows(starts, columns, values, index, out):  # type: ignore[no-untyped-def]
    """out[n, columns[p]] = values[p] for p in starts[index[n]]..starts[index[n] + 1], else 0"""
    out[:] = 0
    for n in range(index.size):
        row = index[n]
        for p in range(starts[row], starts[row + 1]):
            out[n, columns[p]] = values[p]


@kernel
def gather_steps(starts, values, index, out):  # type: ignore[no-untyped-def]
    """out[n, t] = values[starts[index[n]] + t], 0 after the row's last step"""
    out[:] = 0
    for n in range(index.size):
        first = starts[index[n]]
        for t in range(starts[index[n] + 1] - first):
            for j in range(values.shape[1]):
                out[n, t, j] = values[first + t, j]


@careful
def hash_words(words, out):  # type: ignore[no-untyped-def]
    """out[n] = a 64-bit hash of out[n] and the row words[n], (n, m) uint32: rows of equal content get equal numbers"""
    for n in range(words.shape[0]):
        h = out[n]
        for j in range(words.shape[1]):
            h = bits(h, words[n, j])
        out[n] = h


@careful
def hash_dense_entries(words, out):  # type: ignore[no-untyped-def]
    """The same from only the entries that are not 0, each with its column"""
    for n in range(words.shape[0]):
        h = out[n]
        for j in range(words.shape[1]):
            if words[n, j] != 0:
                h = bits(h, (np.uint64(j) << np.uint64(32)) | np.uint64(words[n, j]))
        out[n] = h


@careful
def hash_sparse_entries(starts, columns, words, out):  # type: ignore[no-untyped-def]
    """The same number as the dense row's, from a sparse row with its columns in order"""
    for n in range(out.size):
        h = out[n]
        for p in range(starts[n], starts[n + 1]):
            if words[p] != 0:
                h = bits(h, (np.uint64(columns[p]) << np.uint64(32)) | np.uint64(words[p]))
        out[n] = h


@careful
def count_not_finite(values):  # type: ignore[no-untyped-def]
    """The number of NaN or infinite entries of a flat float array"""
    count = 0
    for i in range(values.size):
        count += 0 if abs(values[i]) < float("inf") else 1
    return count
