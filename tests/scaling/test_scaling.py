"""The page of speedups: its tables, what it keeps, and its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.forecast.cost import Compute
from spark_deepnet.forecast.probe import Probe
from spark_deepnet.forecast.traffic import NO_TRAFFIC
from tests.scaling import grid
from tests.scaling.grid import LINKS, NETWORKS, RANKS, ROWS, Cell, cells
from tests.scaling.page import accuracy_table, draw, write


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """Of a machine whose steps take a tenth of a millisecond a row, and exchange a megabyte."""
    compute = Compute((1, 512), (1e-4, 512e-4))
    monkeypatch.setattr(grid, "probe", lambda plan: Probe(compute, (1_000_000,), (1_000_000,), NO_TRAFFIC, 1.0))
    return [cell for name in NETWORKS for cell in cells(name)]


def test_every_cell_is_there_and_one_rank_is_the_measure(made: list[Cell]) -> None:
    assert len(made) == len(NETWORKS) * 3 * len(ROWS) * len(LINKS) * (2 * len(RANKS) - 1)
    assert all(cell.speedup == pytest.approx(1) for cell in made if cell.ranks == 1)
    fast, slow = ({c.rows: c.speedup for c in made if (c.ranks, c.way, c.link) == (16, "data", link)} for link in LINKS)
    assert all(fast[rows] > slow[rows] for rows in ROWS), "a slow link costs speedup"
    assert fast[100_000] > fast[1_000], "large batches pay for the exchange"


def test_the_page_has_the_tables_and_keeps_the_accuracies(made: list[Cell], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, made, accuracy_table([("FC", "data", ranks, 97.25) for ranks in RANKS]))
    text = page.read_text(encoding="utf-8")
    assert text.count("| over |") == len(NETWORKS) + 1
    assert "11 times for a CNN" in text
    assert "| FC | rows | 97.2 |" in text
    write(page, made, None)
    assert page.read_text(encoding="utf-8") == text


def test_pictures_have_a_line_for_each_size_and_table(made: list[Cell], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason='matplotlib is absent: pip install "spark_deepnet[plot]"')
    from matplotlib.image import imread

    draw([cell for cell in made if cell.network == "RNN"], tmp_path)
    assert np.std(imread(tmp_path / "scaling_rnn.png")) > 0
