"""What float32 loses of the features of a fit: doubles sent beside a few rows, and a warning."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from spark_deepnet.data.schema import Source

ROWS = 64
"""Of each partition, the first."""
PARTITION = 1 << 33
"""Spark numbers the rows of each partition from a multiple of this on."""
_log = logging.getLogger(__name__)


def exact(doubles: Column, source: Source) -> Column:
    """The numbers of a few rows as doubles, of the others none."""
    row = F.monotonically_increasing_id() % PARTITION
    none = F.array().cast("array<double>")
    return F.when(row < ROWS, F.coalesce(doubles.cast("array<double>"), none)).otherwise(none).alias(source.exact)


def warn_of_rounding(ranks: Iterable[dict[str, Any]]) -> None:
    """In the log, once a fit: from the measures of each rank."""
    told = {name: worst for rank in ranks for name, worst in rank.get("rounded", {}).items()}
    if told:
        columns = "; ".join(
            f"column {name!r}, feature {place}: {low:.17g} and {high:.17g}" for name, (place, low, high) in told.items()
        )
        _log.warning(
            "fit: features are trained on as float32, which takes values that differ for equal (%s); subtract their mean "
            "in double, as StandardScaler(withMean=True) does, or leave the column out",
            columns,
        )
