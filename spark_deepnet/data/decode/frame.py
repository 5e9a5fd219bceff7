"""pandas frames to tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import count_misfits
from spark_deepnet.data.decode.features import Faults, features_of
from spark_deepnet.data.decode.targets import order_of, targets_of, validation_of, weights_of
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import Columns
from spark_deepnet.data.table import Table


def table_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> Table:
    """One frame's rows; bad ones are counted in faults (a fit with faults ends before its first step)."""
    table = Table(
        {source.input: features_of(frame, source, faults) for source in columns.sources},
        tuple(targets_of(frame, target, faults) for target in columns.targets),
        weights_of(frame, columns, faults),
        validation_of(frame, columns, faults),
        order_of(frame, columns, faults),
    )
    _check_longest(table, columns, faults)
    _check_steps(table, columns, faults)
    return table


def _check_longest(table: Table, columns: Columns, faults: Faults) -> None:
    """Count rows longer than the network's longest."""
    for source in columns.sources:
        features = table.features[source.input]
        if isinstance(features, Ragged):
            longer = features.lengths > source.shape[0]
            steps = source.shape[0]
            what = f"more than {steps} steps, the longest row when the fit started; write the rows to a table first"
            count_misfits(what, source, faults, int(longer.sum()))


def _check_steps(table: Table, columns: Columns, faults: Faults) -> None:
    """Count rows whose number of targets differs from their number of steps."""
    steps = next(iter(table.features.values()))
    expected = steps.lengths if isinstance(steps, Ragged) else np.int32(columns.sources[0].shape[0])
    for target, targets in zip(columns.targets, table.targets, strict=True):
        if not isinstance(targets, Ragged) or faults:
            continue
        wrong = targets.lengths != expected
        if wrong.any():
            what = f"rows with {targets.lengths[wrong][0]} targets, but as many steps as features"
            faults[f"column {target.label!r}: {what}"] += int(wrong.sum())
