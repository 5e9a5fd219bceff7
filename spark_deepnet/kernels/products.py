"""Where a large matrix product is cut, so that threads compute its parts at the same time.

BLAS may round the part of a product differently from the whole, so the cut depends on shapes alone, and one thread
multiplies the same parts one after another.
"""

from __future__ import annotations

MIN_MULTIPLY_ADDS = 1 << 22
"""A product of fewer is not cut: some 60 us, of which handing a part to another thread would take 10."""
CUT_MULTIPLE = 32
"""Rows or columns in every part but the last: a multiple of BLAS's own tiles."""
PARTS = 2


def product_parts(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[slice, slice], ...]:
    """(rows, columns) of each part of the product of matrices of shapes (m, k) and (k, n), along its longer side; empty
    if it is not cut."""
    (m, k), n = a, b[1]
    longer = max(m, n)
    each = -(-longer // PARTS // CUT_MULTIPLE) * CUT_MULTIPLE
    if m * k * n < MIN_MULTIPLY_ADDS or each >= longer:
        return ()
    along = [slice(first, min(first + each, longer)) for first in range(0, longer, each)]
    whole = slice(None)
    return tuple((whole, part) if n >= m else (part, whole) for part in along)
