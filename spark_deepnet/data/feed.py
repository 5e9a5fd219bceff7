"""Copies rows of a table into a network's input buffers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Features, Sparse
from spark_deepnet.layers.layer import rows_of
from spark_deepnet.net.batch import Batch, Lengths
from spark_deepnet.net.run import Runner


def fill_batch(runner: Runner, features: Mapping[str, Features], rows: np.ndarray) -> tuple[Batch, Lengths]:
    """The batch of these rows, with filled buffers, and the lengths of inputs that are sequences."""
    lengths = {name: columns.lengths[rows] for name, columns in features.items() if isinstance(columns, Ragged)}
    longest = {name: max(1, int(own.max(initial=1))) for name, own in lengths.items()}
    sparse = stay_sparse(runner.sparse, features)
    batch = runner.batch(len(rows), longest, sparse)
    for name, columns in features.items():
        out = batch.feed[name]
        columns.take(rows, out if isinstance(columns, Ragged) or name in sparse else rows_of(out, out.shape[1:]))
    return batch, lengths


def stay_sparse(inputs: Collection[str], features: Mapping[str, Features]) -> list[str]:
    """The inputs, of those that may be fed as sparse rows, that are."""
    return [
        name for name, columns in features.items() if name in inputs and isinstance(columns, Sparse) and columns.thin
    ]
