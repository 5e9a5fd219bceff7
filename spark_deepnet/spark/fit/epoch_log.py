"""A line of the log for each epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from spark_deepnet.plan.plan import ANY_EPOCHS
from spark_deepnet.spark.fit.progress import figures

_log = logging.getLogger(__name__)


class EpochLog:
    """Logs the epochs that a job has brought, at INFO: the first lines of a fit that resumes are those of its checkpoint."""

    def __init__(self, epochs: int) -> None:
        self.all = f"/{epochs}" if epochs < ANY_EPOCHS else ""
        self.count = 0

    def log(self, history: Sequence[Mapping[str, Any]]) -> None:
        """history: the measures of all epochs so far."""
        for row in history[self.count :]:
            self.count += 1
            _log.info("fit: epoch %d%s: %s, %.3g s", self.count, self.all, figures(row), row["seconds"])
