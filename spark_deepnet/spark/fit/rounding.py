"""What float32 loses of a fit's features: a few rows are sent as doubles too, and the fit warns of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from spark_deepnet.data.schema import Source

SAMPLE_ROWS = 64
"""The first rows of each partition, whose doubles are sent."""
PARTITION_STRIDE = 1 << 33
"""monotonically_increasing_id numbers the rows of each partition from a multiple of this."""
_log = logging.getLogger(__name__)


def exact(doubles: Column, source: Source) -> Column:
    """The numbers of a few rows as doubles; empty for the others."""
    row = F.monotonically_increasing_id() % PARTITION_STRIDE
    none = F.array().cast("array<double>")
    return (
        F.when(row < SAMPLE_ROWS, F.coalesce(doubles.cast("array<double>"), none)).otherwise(none).alias(source.exact)
    )


def warn_of_rounding(ranks: Iterable[dict[str, Any]]) -> None:
    """Warn once for all ranks; ranks: their measures."""
    rounded = {name: worst for rank in ranks for name, worst in rank.get("rounded", {}).items()}
    if rounded:
        columns = "; ".join(
            f"column {name!r}, feature {place}: {low:.17g} and {high:.17g}"
            for name, (place, low, high) in rounded.items()
        )
        _log.warning(
            "fit: features are trained on as float32, which takes values that differ for equal (%s); subtract their mean "
            "in double, as StandardScaler(withMean=True) does, or leave the column out",
            columns,
        )
