"""Rows of different lengths in one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.lengths import zero_beyond


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_beyond_the_lengths_is_zero_and_the_rest_as_it_was(dtype: Any) -> None:
    a = np.arange(1, 25).reshape(4, 3, 2).astype(dtype)
    lengths = np.array([0, 1, 3, 2], np.int32)
    expected = np.where((np.arange(3) < lengths[:, None])[..., None], a, 0)
    zero_beyond(lengths, a)
    np.testing.assert_array_equal(a, expected)
