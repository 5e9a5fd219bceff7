"""Arrays that grow where they lie."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.data.growable import Growing


@pytest.mark.parametrize("platform", ["linux", "elsewhere"])
@pytest.mark.parametrize(
    ("dtype", "shape"), [(np.float32, (784,)), (np.uint8, (3,)), (np.int64, ()), (np.float32, (0,))], ids=str
)
def test_all_that_was_appended_is_there(
    platform: str, dtype: type, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether pages can be moved or must be copied."""
    monkeypatch.setattr("sys.platform", platform)
    chance = np.random.default_rng(1)
    pieces = [chance.integers(0, 200, (n, *shape)).astype(dtype) for n in (0, 1, 500, 0, 3000)]
    growing = Growing(pieces[0])
    for piece in pieces:
        growing.append(piece)
    np.testing.assert_array_equal(growing.array, np.concatenate(pieces))
    assert growing.array.dtype == dtype


def test_an_array_that_was_given_away_is_not_moved() -> None:
    growing = Growing(np.zeros(0, np.uint8))
    growing.append(np.ones(10, np.uint8))
    view = growing.array
    with pytest.raises(BufferError):
        growing.append(np.ones(1 << 20, np.uint8))
    np.testing.assert_array_equal(view, 1)
