"""A confusion matrix as a picture: rows are labels, columns predictions, a cell's colour its share of the label's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spark_deepnet.plotting.figure import axes_or_new, label

MAX_NUMBERED = 15
"""Classes up to which each cell has its number."""
MAX_TICKS = 30
"""Classes up to which each has its name; of more, some have."""
MAX_CELLS = 200
"""Cells along an axis; of more classes, each cell is the largest of several."""
DARK_SHARE = 0.5
"""Share above which a cell is dark, so that its number is white."""


def plot_confusion(matrix: np.ndarray, names: Sequence[str], normalize: bool = False, ax: Any = None) -> Any:
    """Draw the weights of rows by label (row) and prediction (column); returns the Axes. normalize: write shares of the
    label's rows instead of weights."""
    classes = len(matrix)
    inches = 3.2 + 0.45 * min(classes, MAX_NUMBERED)
    ax = axes_or_new(ax, inches + 0.8, inches)
    shares = _shares(matrix)
    cells = _largest(shares, -(-classes // MAX_CELLS))
    edges = (-0.5, classes - 0.5, classes - 0.5, -0.5)
    ax.set_facecolor("lightgray")  # of labels that have no rows
    image = ax.imshow(cells, cmap="Blues", vmin=0, vmax=1, extent=edges, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="share of the label's rows", shrink=0.8)
    if classes <= MAX_NUMBERED:
        _write_numbers(ax, shares if normalize else matrix, shares)
    _write_names(ax, names)
    ax.set_xlabel("prediction")
    ax.set_ylabel("label")
    return ax


def _shares(matrix: np.ndarray) -> np.ndarray:
    """Of each label's rows; NaN where it has none."""
    rows = matrix.sum(1, keepdims=True)
    return np.divide(matrix, rows, out=np.full(matrix.shape, np.nan), where=rows > 0)


def _largest(cells: np.ndarray, by: int) -> np.ndarray:
    """The largest of by x by cells each, so that single cells of many do not vanish; NaN where all are."""
    if by == 1:
        return cells
    size = -(-len(cells) // by) * by
    padded = np.full((size, size), -1.0)
    padded[: len(cells), : len(cells)] = np.nan_to_num(cells, nan=-1.0)
    largest = padded.reshape(size // by, by, size // by, by).max((1, 3))
    return np.where(largest < 0, np.nan, largest)


def _write_numbers(ax: Any, values: np.ndarray, shares: np.ndarray) -> None:
    whole = bool((values == np.round(values)).all())
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            text = f"{value:,.0f}" if whole else f"{value:.3g}"
            color = "white" if shares[row, column] > DARK_SHARE else "black"
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize=9)


def _write_names(ax: Any, names: Sequence[str]) -> None:
    shown = range(0, len(names), -(-len(names) // MAX_TICKS))
    texts = [label(names[k]) for k in shown]
    slanted = max(map(len, texts)) > 3
    ax.set_xticks(shown, texts, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    ax.set_yticks(shown, texts)
