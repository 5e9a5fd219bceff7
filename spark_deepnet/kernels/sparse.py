"""Products with sparse rows, and gathering, writing and adding rows of a matrix: operations on few rows of many.

Sparse rows are CSR: row n holds values[p] in columns[p] for p in starts[n]..starts[n + 1], where several entries of one
column add up. All sums are computed in the order of the entries."""

from __future__ import annotations

from spark_deepnet.kernels.jit import careful


@careful
def row_starts(starts, index, out):  # type: ignore[no-untyped-def]
    """out (n + 1,): the starts of the picked rows when concatenated"""
    out[0] = 0
    for n in range(index.size):
        row = index[n]
        out[n + 1] = out[n] + starts[row + 1] - starts[row]


@careful
def gather_entries(starts, columns, values, index, out_columns, out_values):  # type: ignore[no-untyped-def]
    """The entries of the picked rows, one row after another"""
    q = 0
    for n in range(index.size):
        row = index[n]
        for p in range(starts[row], starts[row + 1]):
            out_columns[q] = columns[p]
            out_values[q] = values[p]
            q += 1


@careful
def number(columns, place, seen, places):  # type: ignore[no-untyped-def]
    """The number of different columns: seen holds each once, in order of first occurrence, and seen[places[p]] =
    columns[p]. place (width,) is -1 everywhere, before and after the call"""
    count = 0
    for p in range(columns.size):
        column = columns[p]
        if place[column] < 0:
            place[column] = count
            seen[count] = column
            count += 1
        places[p] = place[column]
    for i in range(count):
        place[seen[i]] = -1
    return count


@careful
def add_product(starts, columns, values, W, y):  # type: ignore[no-untyped-def]
    """y[n] += sum_p values[p] W[columns[p]]"""
    for n in range(y.shape[0]):
        for p in range(starts[n], starts[n + 1]):
            value, column = values[p], columns[p]
            for o in range(y.shape[1]):
                y[n, o] += value * W[column, o]


@careful
def outer_rows(starts, places, values, dy, dW):  # type: ignore[no-untyped-def]
    """dW[places[p]] = sum of values[p] dy[n] over the entries p of that place, n: the row of the entry"""
    dW[:] = 0
    for n in range(dy.shape[0]):
        for p in range(starts[n], starts[n + 1]):
            value, place = values[p], places[p]
            for o in range(dy.shape[1]):
                dW[place, o] += value * dy[n, o]


@careful
def put_rows(values, index, out):  # type: ignore[no-untyped-def]
    """out[index[i]] = values[i]"""
    for i in range(index.size):
        row = index[i]
        for j in range(values.shape[1]):
            out[row, j] = values[i, j]


@careful
def add_rows(values, index, out):  # type: ignore[no-untyped-def]
    """out[index[i]] += values[i]"""
    for i in range(index.size):
        row = index[i]
        for j in range(values.shape[1]):
            out[row, j] += values[i, j]
