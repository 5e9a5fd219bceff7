"""The last job's state, whose chunks came to whichever rank Spark sent them to, to the ranks that want them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.broadcast import broadcast
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.train.state import ALL, Chunks

Name = tuple[int, int]


def hand_over(came: Chunks, expected: int, channel: Channel) -> dict[Name, bytes]:
    """Those of the chunks that belong to all ranks or to this one; expected: how many the last job handed back."""
    own = json.dumps([[*name, len(chunk)] for name, chunk in sorted(came.items())])
    told = [json.loads(blob) for blob in all_gather_bytes(channel, own.encode())]
    if sum(map(len, told)) != expected:
        raise ExchangeError(f"state: {expected} chunks were sent, {sum(map(len, told))} came; the fit cannot go on")
    found: dict[Name, bytes] = {}
    for holder, names in enumerate(told):  # every rank in the same order, so nobody waits in a circle
        for owner, number, length in names:
            chunk = _moved(came, (owner, number), length, holder, channel)
            if chunk is not None:
                found[owner, number] = chunk
    return found


def _moved(came: Mapping[Name, bytes], name: Name, length: int, holder: int, channel: Channel) -> bytes | None:
    """One chunk where this rank wants it; None where it does not."""
    owner, rank = name[0], channel.rank
    if rank == holder:
        buffer = np.frombuffer(came[name], np.uint8)
    elif owner in (ALL, rank):
        buffer = np.empty(length, np.uint8)
    else:
        return None
    if owner == ALL:
        broadcast(channel, holder, buffer)
    elif owner != holder:
        if rank == holder:
            channel.send(owner, buffer)
            return None
        channel.receive(holder, buffer)
    return buffer.tobytes()
