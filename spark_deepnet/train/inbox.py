"""The chunks of the last job's state, which reach a rank among the rows that it trains on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from spark_deepnet.train.messages import ChunkOwner, StateChunk

STATE_COLUMNS = ("block", "rank", "part", "data")
"""The columns of messages that a chunk has among the rows, where rows have nulls."""
STATE_SCHEMA = "block int, rank int, part int, data binary"
Chunks = dict[tuple[ChunkOwner, int], bytes]
"""By owner and part."""


class Inbox:
    """Takes chunks of state out of the frames that pass through it."""

    def __init__(self) -> None:
        self.chunks: Chunks = {}

    def rows(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The frames with their rows alone."""
        for frame in frames:
            if "data" in frame:
                frame = self._without_chunks(frame)
            yield frame
            del frame  # before the next one is made

    def _without_chunks(self, frame: pd.DataFrame) -> pd.DataFrame:
        is_chunk = frame["data"].notna()
        columns = (frame.loc[is_chunk, name] for name in STATE_COLUMNS)
        for block, rank, part, data in zip(*columns, strict=True):
            self.chunks[ChunkOwner(int(block), int(rank)), int(part)] = bytes(data)
        return frame[~is_chunk]


def state_row(chunk: StateChunk) -> tuple[int, int, int, bytes]:
    """A chunk as a row of STATE_SCHEMA."""
    return *chunk.owner, chunk.part, chunk.data
