"""Rows that are held out for validation, chosen by their content: the same ones however the rows are divided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.data.schema import Columns
from spark_deepnet.data.table import Table
from spark_deepnet.kernels.gather import hash_words
from spark_deepnet.kernels.random import key_of


def hold_out(table: Table, columns: Columns) -> Table:
    """The table with the columns' fraction of its rows marked for validation; rows of equal content stay together."""
    if not columns.held_out:
        return table
    chance = np.full(len(table), key_of("held out", columns.seed))
    hash_words(table.keys().view(np.uint32).reshape(len(table), 2), chance)
    return replace(table, validation=chance < np.uint64(int(columns.held_out * 2.0**64)))
