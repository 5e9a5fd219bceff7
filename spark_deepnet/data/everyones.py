"""The shards of all ranks on every rank, for those that train whole fits by themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.replicate import table_from_json, table_to_json
from spark_deepnet.data.shard import Shard
from spark_deepnet.data.spill.row_store import RowStore
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes

NOT_IN_MEMORY = 1 << 62
"""As the bytes of rows that are spilled, or cannot be trained on."""
PLAIN = ("fingerprint", "rounded", "scales", "skipped", "moments")
"""Fields of a shard that travel as JSON."""


@dataclass(frozen=True)
class Packed:
    """A shard as JSON and arrays."""

    header: dict[str, Any]
    arrays: list[np.ndarray]
    nbytes: int


def packed(shard: Shard) -> Packed:
    """A shard ready to be sent; of one that is not in memory only how large it is."""
    arrays: list[np.ndarray] = []
    if shard.failure or shard.faults or not isinstance(shard.train, InMemoryDataset):
        return Packed({}, arrays, NOT_IN_MEMORY)
    table = table_to_json(shard.train.table, arrays)
    header = {"table": table, "arrays": [(a.dtype.str, a.shape) for a in arrays]}
    header |= {name: getattr(shard, name) for name in PLAIN}
    return Packed(header, arrays, sum(a.nbytes for a in arrays))


def shards_of_all(shard: Shard, own: Packed, channel: Channel) -> list[Shard]:
    """The shards of all ranks, in their order, each as its rank has it; own: this rank's, packed."""
    heads = all_gather_bytes(channel, json.dumps(own.header).encode())
    blobs = all_gather_bytes(channel, b"".join(np.ascontiguousarray(a).tobytes() for a in own.arrays))
    return [
        shard if rank == channel.rank else _unpacked(json.loads(head), blob)
        for rank, (head, blob) in enumerate(zip(heads, blobs, strict=True))
    ]


def joined(shards: Sequence[Shard]) -> Shard:
    """One shard of the rows of all, each of which is in memory."""
    tables = [shard.train.table for shard in shards if isinstance(shard.train, InMemoryDataset)]
    assert len(tables) == len(shards)
    store = RowStore(tables[0])
    for table in tables:
        store.add(table)
    train, valid = store.rows()
    return Shard(train, valid, sum(shard.fingerprint for shard in shards) % (1 << 64))


def _unpacked(header: dict[str, Any], blob: bytes) -> Shard:
    table = table_from_json(header, blob)
    store = RowStore(table)
    store.add(table)
    train, valid = store.rows()
    return Shard(train, valid, faults=Counter(), **{name: header[name] for name in PLAIN})
