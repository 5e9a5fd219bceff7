"""Scores frames with weights in blocks: ranks that hold a block each score their rows together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.replicate import table_rounds
from spark_deepnet.data.table import Table
from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.net.net import Net
from spark_deepnet.net.run import Runner
from spark_deepnet.score.score import (
    MAX_VALUE_BYTES,
    ScorePlan,
    cells,
    long_enough,
    picked,
    read,
    refuse,
    refuse_scores,
    rows_at_once,
    scores,
)


def score_in_blocks(
    plan: ScorePlan, net: Net, weights: np.ndarray, channel: Channel, frames: Iterator[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """Score this rank's frames, of at most ``max_rows_per_frame`` rows each, as ``score`` does. ``net`` and ``weights``
    are the block of the channel's rank. All ranks take part in every round until none has rows."""
    runner = Runner(net, weights, at_once(plan), training=False, blocks=ChannelBlocks(channel))
    faults: Faults = Counter()
    own: list[np.ndarray] = []
    with threadpool_limits(1):
        for table, everywhere in table_rounds(_tables(plan, frames, channel.rank, faults, own), faults, channel):
            if table is not None:
                refuse(plan, everywhere)
                runner = long_enough(runner, table.features)
                scored = scores(plan, runner, table.features, len(table))
                refuse_scores(plan, scored)  # scores of all ranks: each rank raises
                rows = np.flatnonzero(table.targets[0] == channel.rank)
                if own:
                    yield cells(plan, [picked(each, rows) for each in scored], own.pop())


def _tables(
    plan: ScorePlan, frames: Iterator[pd.DataFrame], rank: int, faults: Faults, own: list[np.ndarray]
) -> Iterator[Table]:
    """Tables whose target is the rank of their rows. ``faults`` are those of the last frame; the mask of its valid rows
    is appended to ``own``."""
    for frame in frames:
        faults.clear()
        features, valid = read(plan, frame, faults)
        own.append(valid)
        yield Table(features, (np.full(len(valid), rank, np.int32),), np.ones(len(valid), np.float32), valid)
    faults.clear()


def max_rows_per_frame(plan: ScorePlan, blocks: int) -> int:
    """The maximum of rows per frame with which the rows of all blocks go through the network at once."""
    return max(1, at_once(plan) // blocks)


def at_once(plan: ScorePlan) -> int:
    """Rows that go through the network at once: as elsewhere, but at most MAX_VALUE_BYTES of values in the whole
    network, so that all blocks use the same number."""
    net = plan.wanted.net()
    return rows_at_once(net, net.inputs, MAX_VALUE_BYTES)
