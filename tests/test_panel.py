"""The panel of defaults: its tables, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.panel.__main__ import main, score
from tests.panel.tables import TABLES


def test_tables_are_numbers_with_targets() -> None:
    for name in set(TABLES) - {"adult", "flights", "mnist"}:
        table = TABLES[name]()
        assert table is not None, name
        assert np.isfinite(table.x).all(), name
        assert len(table.x) == len(table.y) >= 150 - 1, name
        assert table.regression or set(np.unique(table.y)) == set(range(int(table.y.max()) + 1)), name
    assert len(TABLES) == 14


def test_scores_are_accuracy_and_r2() -> None:
    truth = np.array([0.0, 1, 2, 3])
    assert score(False, truth, np.array([0, 1, 2, 0])) == 0.75
    assert score(True, truth, np.full(4, 1.5)) == 0


def test_unknown_tables_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["iriss"])
    assert "there is no 'iriss'" in capsys.readouterr().err
