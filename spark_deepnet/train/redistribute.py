"""Sends chunks of state or weights from the ranks to which Spark brought them to the ranks that own them."""

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
from spark_deepnet.train.messages import ChunkOwner


def redistribute_state(
    came: dict[Any, Any], expected: int, channel: Channel, grid: Grid
) -> Iterator[tuple[Any, bytes]]:
    """The chunks that this rank owns, alone or with the other ranks of its block, one by one with their keys. A key is a
    tuple of a ChunkOwner and what names the chunk there. ``came`` is emptied, so that what nobody keeps takes no memory.
    expected: the number of chunks that were sent to all ranks together."""
    own = json.dumps([[*owner, *name, len(chunk)] for (owner, *name), chunk in sorted(came.items())])
    by_holder = [json.loads(blob) for blob in all_gather_bytes(channel, own.encode())]
    count = sum(map(len, by_holder))
    if count != expected:
        raise ExchangeError(f"state: {expected} chunks were sent, {count} came; the fit cannot go on")
    for holder, chunks in enumerate(by_holder):  # every rank in the same order, so nobody waits in a circle
        for block, rank, *name, length in chunks:
            owner = ChunkOwner(block, rank)
            owners = owner.ranks(grid)
            members = [holder, *(rank for rank in owners if rank != holder)]
            if channel.rank in members:
                key = (owner, *name)
                chunk = _passed(came.pop(key, None), length, SubChannel(channel, members))
                if channel.rank in owners:
                    yield key, chunk


def _passed(own: bytes | None, length: int, members: Channel) -> bytes:
    """A chunk from the first of these ranks to all of them."""
    buffer = np.empty(length, np.uint8) if members.rank else np.frombuffer(own or b"", np.uint8)
    broadcast(members, 0, buffer)
    return buffer.tobytes()
