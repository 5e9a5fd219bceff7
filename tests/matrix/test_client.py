"""The thin client: the package pyspark-client alone, beside a server of the full package."""

from __future__ import annotations

import pytest

from tests.matrix.__main__ import PASSED, result_of
from tests.matrix.cells import cells


@pytest.mark.slow
def test_the_thin_client_is_accepted() -> None:
    (cell,) = [cell for cell in cells() if cell.client]
    assert result_of(cell) == PASSED
