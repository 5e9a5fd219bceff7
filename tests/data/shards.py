"""A rank's rows at once, for tests of what comes after them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from spark_deepnet.data.schema import Columns
from spark_deepnet.data.shard import Reader, Shard


def read_shard(frames: Iterable[pd.DataFrame], columns: Columns, limit: int = 0) -> Shard:
    """All rows that come, as one shard."""
    reader = Reader(columns, limit)
    return reader.shard(reader.tables(frames))
