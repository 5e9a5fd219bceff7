"""The last job's state, whose chunks came to whichever rank Spark sent them to, to the ranks that want them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.broadcast import broadcast
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.exchange.sub_channel import SubChannel
from spark_deepnet.plan.grid import Grid
from spark_deepnet.train.state import ALL


def redistribute_state(
    came: dict[Any, Any], expected: int, channel: Channel, grid: Grid
) -> Iterator[tuple[Any, bytes]]:
    """Those of the chunks that belong to all ranks of this block or to this rank, one by one, by their names: whose they
    are and what they are called there. Chunks that came are given away: what nobody keeps takes no memory. expected: how
    many the last job handed back."""
    own = json.dumps([[*name, len(chunk)] for name, chunk in sorted(came.items())])
    told = [json.loads(blob) for blob in all_gather_bytes(channel, own.encode())]
    if sum(map(len, told)) != expected:
        raise ExchangeError(f"state: {expected} chunks were sent, {sum(map(len, told))} came; the fit cannot go on")
    for holder, names in enumerate(told):  # every rank in the same order, so nobody waits in a circle
        for owner, *number, length in names:
            ranks = grid.of_block(ALL - owner) if owner <= ALL else [owner]
            seats = [holder, *(rank for rank in ranks if rank != holder)]
            if channel.rank in seats:
                chunk = _passed(came.pop((owner, *number), None), length, SubChannel(channel, seats))
                if channel.rank in ranks:
                    yield (owner, *number), chunk


def _passed(own: bytes | None, length: int, seats: Channel) -> bytes:
    """A chunk from the first of these ranks to all of them."""
    buffer = np.empty(length, np.uint8) if seats.rank else np.frombuffer(own or b"", np.uint8)
    broadcast(seats, 0, buffer)
    return buffer.tobytes()
