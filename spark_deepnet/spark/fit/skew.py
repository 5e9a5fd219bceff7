"""Workers whose rows are many more than the others'."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

FACTOR = 1.5
"""Times the mean from which a worker's rows are told of."""
FEW = 100
"""A mean of fewer rows tells nothing."""
_log = logging.getLogger(__name__)


def rows_by_rank(ranks: Iterable[dict[str, Any]]) -> list[int]:
    """From the measures of each rank and job: the rows of each rank, training and validation rows together."""
    found = {row["rank"]: row["ownRows"] for row in ranks}
    return [found[rank] for rank in sorted(found)]


def warn_of_skew(ranks: Iterable[dict[str, Any]]) -> None:
    """In the log."""
    rows = rows_by_rank(ranks)
    mean = sum(rows) / max(1, len(rows))
    if rows and mean >= FEW and max(rows) > FACTOR * mean:
        _log.warning(
            "fit: worker %d has %s rows, %.1f times the mean, and the others wait for it: rows are dealt by a hash of "
            "their content, so equal rows come to one worker; drop repeated rows, or give one of them a weight",
            rows.index(max(rows)),
            f"{max(rows):,}",
            max(rows) / mean,
        )
