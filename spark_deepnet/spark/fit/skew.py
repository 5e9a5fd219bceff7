"""Workers whose rows are many more than the others'."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

MAX_FACTOR = 1.5
"""Times the mean above which a worker's rows are warned of."""
MIN_MEAN_ROWS = 100
"""A mean of fewer rows says nothing."""
_log = logging.getLogger(__name__)


def rows_by_rank(ranks: Iterable[dict[str, Any]]) -> list[int]:
    """The rows of each rank, training and validation rows together; ranks: the measures of each rank and job."""
    rows = {row["rank"]: row["ownRows"] for row in ranks}
    return [rows[rank] for rank in sorted(rows)]


def warn_of_skew(ranks: Iterable[dict[str, Any]]) -> None:
    """Warn where one worker has many more rows than the others."""
    rows = rows_by_rank(ranks)
    mean = sum(rows) / max(1, len(rows))
    if rows and mean >= MIN_MEAN_ROWS and max(rows) > MAX_FACTOR * mean:
        _log.warning(
            "fit: worker %d has %s rows, %.1f times the mean, and the others wait for it: rows are dealt by a hash of "
            "their content, so equal rows come to one worker; drop repeated rows, or give one of them a weight",
            rows.index(max(rows)),
            f"{max(rows):,}",
            max(rows) / mean,
        )
