"""Rows that are not what they seem: vectors that no constructor allows, images and tokens of every odd kind."""

from __future__ import annotations

from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")
WIDTH = 8
MALFORMED: dict[str, tuple[Any, ...]] = {
    "index beyond the width": (0, 8, [3, 50_000_000], [7.0, 9.0]),
    "index just behind the last": (0, 8, [3, 8], [7.0, 9.0]),
    "index below 0": (0, 8, [-2_000_000, 3], [7.0, 9.0]),
    "index twice": (0, 8, [3, 3], [7.0, 9.0]),
    "unsorted": (0, 8, [5, 3], [7.0, 9.0]),
    "fewer indices than values": (0, 8, [3], [7.0, 9.0, 9.0]),
    "more indices than values": (0, 8, [1, 2, 3], [7.0]),
    "no values": (0, 8, [3], None),
    "no indices": (0, 8, None, [7.0]),
    "neither": (0, 8, None, None),
    "a null index": (0, 8, [None, 3], [7.0, 9.0]),
    "no size": (0, None, [3], [7.0]),
    "a type that is none": (2, 8, [3], [7.0]),
    "a negative type": (-1, 8, [3], [7.0]),
    "dense with indices": (1, None, [3], [1.0] * 8),
    "dense with another size": (1, 5, [], [1.0] * 8),
    "dense without values": (1, None, [], None),
}
"""Parts of vectors of Spark ML: type (0 sparse, 1 dense), size, indices, values."""

IMAGES: dict[str, tuple[tuple[Any, ...], str]] = {
    "turned": ((6, 4, 1, 0, bytes(24)), "shape (6, 4, 1)"),
    "as many numbers": ((3, 2, 4, 24, bytes(24)), "shape (3, 2, 4)"),
    "larger": ((8, 6, 1, 0, bytes(48)), "shape (8, 6, 1)"),
    "negative": ((-4, -6, 1, 0, bytes(24)), "shape (-4, -6, 1)"),
    "of floats": ((4, 6, 1, 5, bytes(24)), "a mode other than bytes"),
    "of 16 bits": ((4, 6, 1, 2, bytes(24)), "a mode other than bytes"),
    "cut off": ((4, 6, 1, 0, bytes(23)), "a wrong number of bytes"),
    "too long": ((4, 6, 1, 0, bytes(25)), "a wrong number of bytes"),
    "no data": ((4, 6, 1, 0, None), "null"),
    "no height": ((None, 6, 1, 0, bytes(24)), "null"),
}
"""Height, width, channels, mode and data where 4 x 6 x 1 is expected, and what is said."""

BIG = 2**24 + 1
TOKENS: list[tuple[Any, list[Any], int, list[int], str]] = [
    (np.int64, [BIG - 1, BIG, BIG + 1], 2**25, [BIG - 1, BIG, BIG + 1], ""),
    (np.float64, [BIG - 1, BIG, BIG + 1], 2**25, [BIG - 1, BIG, BIG + 1], ""),
    (np.int32, [2**31 - 3, 2**31 - 2], 2**31 - 1, [2**31 - 3, 2**31 - 2], ""),
    (np.int64, [2**31, 5], 2**31 - 1, [-1, 5], f"tokens such as {2**31};"),
    (np.int64, [2**63 - 1, 5], 2**31 - 1, [-1, 5], f"tokens such as {2**63 - 1};"),
    (np.float64, [2.0**32 + 1, 5], 2**31 - 1, [-1, 5], f"tokens such as {2**32 + 1};"),
    (np.int64, [BIG + 1, 5], BIG + 1, [-1, 5], f"tokens such as {BIG + 1};"),
    (np.int64, [-1, 5], 9, [-1, 5], "tokens such as -1;"),
    (np.float64, [0.5, 5], 9, [-1, 5], "tokens such as 0.5;"),
    (np.float64, [BIG + 0.5, 5], 2**25, [-1, 5], f"tokens such as {BIG + 0.5};"),
    (np.float64, [NAN, 5], 9, [-1, 5], "NaN or infinite"),
    (np.float64, [INF, 5], 9, [-1, 5], "NaN or infinite"),
    (object, [None, 5], 9, [-1, 5], "NaN or infinite"),
    (np.uint8, [200, 5], 9, [-1, 5], "tokens such as 200;"),
]  # fmt: skip
"""The type of the numbers, these, the vocabulary, what they become, and what is said."""
