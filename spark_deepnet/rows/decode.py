"""pandas frames to tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.rows.columns import VALIDATION, Columns
from spark_deepnet.rows.features import Faults, features_of
from spark_deepnet.rows.ragged import Ragged
from spark_deepnet.rows.table import Table
from spark_deepnet.rows.targets import targets_of, weights_of


def table_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> Table:
    """One frame's rows; bad ones are counted in faults (a fit with faults ends before its first step)."""
    table = Table(
        {source.input: features_of(frame, source, faults) for source in columns.sources},
        targets_of(frame, columns, faults),
        weights_of(frame, columns, faults),
        frame[VALIDATION].eq(True).to_numpy(bool) if columns.validation else np.zeros(len(frame), bool),
    )
    _check_steps(table, columns, faults)
    return table


def _check_steps(table: Table, columns: Columns, faults: Faults) -> None:
    """Count rows with another number of targets than of steps."""
    steps = next(iter(table.features.values()))
    if not isinstance(table.targets, Ragged) or faults:
        return
    expected = steps.lengths if isinstance(steps, Ragged) else np.int32(columns.sources[0].shape[0])
    wrong = table.targets.lengths != expected
    if wrong.any():
        found = table.targets.lengths[wrong][0]
        faults[f"column {columns.label!r}: rows with {found} targets where there are as many steps as features"] += int(
            wrong.sum()
        )
