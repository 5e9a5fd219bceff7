"""What a fit tells of numbers on which training gets nowhere, in the log: it goes on all the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

FELL = 1e-3
"""The part of the first epoch's loss by which a later one must be less."""
FEW = 10
"""So many classes may always be."""
ROWS_A_CLASS = 10
_log = logging.getLogger(__name__)


def tell_notes(notes: Sequence[str]) -> None:
    for note in notes:
        _log.warning("fit: %s", note)


def tell_of_loss(history: Sequence[dict[str, Any]]) -> None:
    """Where no epoch's loss was less than the first's."""
    losses = [row["loss"] for row in history]
    if len(losses) < 2 or not losses[0]:
        return
    least = min(losses[1:])
    if losses[0] - least < FELL * abs(losses[0]):
        _log.warning(
            "fit: the loss did not fall in %d epochs (%.6g in the first, %.6g at best after it); scale features and "
            "targets to about 1, or take another learningRate",
            len(losses),
            losses[0],
            least,
        )


def tell_of_classes(column: str, classes: int, rows: int) -> None:
    """Where labels that were to tell the number of classes look like the numbers of a regression."""
    if classes > max(FEW, rows / ROWS_A_CLASS):
        _log.warning(
            "fit: labelCol: column %r is taken as %s classes, 0 to its highest value, for %s rows; if it holds numbers to "
            "predict, end layers in 1 and set loss='squared'",
            column,
            f"{classes:,}",
            f"{rows:,}",
        )
