"""Frames to prediction columns where the weights lie in blocks: ranks that hold a block each score their rows together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.net.net import Net
from spark_deepnet.net.run import Runner
from spark_deepnet.rows.features import Faults
from spark_deepnet.rows.sharing import share_rows
from spark_deepnet.rows.table import Features, Table
from spark_deepnet.score.score import ROWS, ScorePlan, cells, long_enough, picked, read, refuse, scores


def score_in_blocks(
    plan: ScorePlan, net: Net, weights: np.ndarray, channel: Channel, frames: Iterator[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """For each of this rank's frames of at most ``turn`` rows what ``score`` gives. ``net`` and ``weights`` are the
    block of the channel's rank. All ranks take turns until none has rows."""
    runner = Runner(net, weights, ROWS, training=False, blocks=ChannelBlocks(channel))
    with threadpool_limits(1):
        while True:
            frame = next(frames, None)
            faults: Faults = Counter()
            features, valid = read(plan, _none(plan) if frame is None else frame, faults)
            table, faults = share_rows(_table(features, valid, channel.rank), faults, channel)
            if len(table) == 0:
                return
            refuse(plan, faults)
            runner = long_enough(runner, table.features)
            found = scores(runner, table.features, len(table))
            if frame is not None:
                own = np.flatnonzero(table.targets[0] == channel.rank)
                yield cells(plan, [picked(each, own) for each in found], valid)


def turn(blocks: int) -> int:
    """The most rows of a frame, so that those of all blocks together go through the network at once."""
    return max(1, ROWS // blocks)


def _table(features: Mapping[str, Features], valid: np.ndarray, rank: int) -> Table:
    """Rows whose target is the rank that they came to."""
    n = len(valid)
    return Table(features, (np.full(n, rank, np.int32),), np.ones(n, np.float32), valid)


def _none(plan: ScorePlan) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=object) for source in plan.sources for name in source.columns})
