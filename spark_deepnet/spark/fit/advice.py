"""Warnings of a fit about numbers on which training gets nowhere; the fit continues."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

MIN_DECREASE = 1e-3
"""The part of the first epoch's loss by which a later one must be lower."""
UNSUSPICIOUS_CLASSES = 10
"""A number of classes that no number of rows makes suspicious."""
MIN_ROWS_PER_CLASS = 10
_log = logging.getLogger(__name__)


def log_notes(notes: Sequence[str]) -> None:
    for note in notes:
        _log.warning("fit: %s", note)


def warn_of_loss(history: Sequence[dict[str, Any]]) -> None:
    """Warn where no epoch's loss was lower than the first's."""
    losses = [row["loss"] for row in history]
    if len(losses) < 2 or not losses[0]:
        return
    lowest = min(losses[1:])
    if losses[0] - lowest < MIN_DECREASE * abs(losses[0]):
        _log.warning(
            "fit: the loss did not fall in %d epochs (%.6g in the first, %.6g at best after it); scale features and "
            "targets to about 1, or choose another learningRate",
            len(losses),
            losses[0],
            lowest,
        )


def warn_of_classes(column: str, lowest: float, classes: int, rows: int) -> None:
    """Warn where labels that give the number of classes start at 1, or look like the numbers of a regression."""
    if lowest >= 1:
        _log.warning(
            "fit: labelCol: column %r has labels %g to %d, so the network gets %d classes, of which no row has class 0; "
            "subtract %g from the labels, or let StringIndexer make classes 0..k-1 of them",
            column,
            lowest,
            classes - 1,
            classes,
            lowest,
        )
    if classes > max(UNSUSPICIOUS_CLASSES, rows / MIN_ROWS_PER_CLASS):
        _log.warning(
            "fit: labelCol: column %r is taken as %s classes, 0 to its highest value, for %s rows; if it holds numbers to "
            "predict, end layers in 1 and set loss='squared'",
            column,
            f"{classes:,}",
            f"{rows:,}",
        )
