"""Sends the rows of a replica to all its blocks: each block works on all rows of its replica, with its own weights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.shard import Shard
from spark_deepnet.data.table import Dense, Sparse, Table
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Dense, Sparse, Ragged)}


def shared(tables: Iterable[Table], faults: Faults, channel: Channel) -> Iterator[Table]:
    """The tables of all ranks of the channel, one of each rank per round until none has any left, the same on each
    rank. At the end ``faults`` are those of all ranks. So a rank holds only its replica's rows and one table of each
    rank in memory."""
    for table, everywhere in table_rounds(tables, faults, channel):
        if table is not None:
            yield table
        else:
            faults.clear()
            faults.update(everywhere)


def table_rounds(tables: Iterable[Table], faults: Faults, channel: Channel) -> Iterator[tuple[Table | None, Faults]]:
    """The same, and with each table the faults of all ranks so far; finally None with the total faults."""
    own = iter(tables)
    while True:
        heads, blobs = _exchanged(next(own, None), faults, channel)
        received = [table_from_json(head, blob) for head, blob in zip(heads, blobs, strict=True) if head["table"]]
        table = Table.joined(received) if received else None
        everywhere: Faults = Counter()
        for head in heads:
            everywhere.update(head["faults"])
        yield table, everywhere
        if table is None:
            return


def _exchanged(table: Table | None, faults: Faults, channel: Channel) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Each rank's header (everything except arrays), and the bytes of its arrays."""
    arrays: list[np.ndarray] = []
    header = None if table is None else table_to_json(table, arrays)
    head = {"faults": faults, "table": header, "arrays": [(a.dtype.str, a.shape) for a in arrays]}
    heads = [json.loads(blob) for blob in all_gather_bytes(channel, json.dumps(head).encode())]
    return heads, all_gather_bytes(channel, b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))


def share_failure(shard: Shard, channel: Channel) -> None:
    """Send a rank's failure to all ranks."""
    failures = all_gather_bytes(channel, (shard.failure or "").encode())
    shard.failure = next((blob.decode() for blob in failures if blob), None)


def table_to_json(table: Table, arrays: list[np.ndarray]) -> Any:
    """A table's header; its arrays are appended to the list."""
    return _to_json(table, arrays)


def _to_json(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value as JSON; arrays are appended to the list and replaced by their numbers."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return len(arrays) - 1
    if isinstance(value, Table):
        features = {name: _to_json(part, arrays) for name, part in value.features.items()}
        rest = {name: _to_json(getattr(value, name), arrays) for name in ("weights", "validation")}
        if value.order is not None:
            rest["order"] = _to_json(value.order, arrays)
        return {"features": features, "targets": [_to_json(part, arrays) for part in value.targets]} | rest
    part = {f.name: getattr(value, f.name) for f in fields(value)}
    return {"kind": type(value).__name__} | {
        name: {"array": _to_json(v, arrays)} if isinstance(v, np.ndarray) else v for name, v in part.items()
    }


def table_from_json(head: dict[str, Any], blob: bytes) -> Table:
    """A table from its header and the bytes of its arrays, which cannot be written to."""
    arrays: list[np.ndarray] = []
    start = 0
    for dtype, shape in head["arrays"]:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(blob, np.dtype(dtype), count, start).reshape(shape))
        start += arrays[-1].nbytes
    header = head["table"]
    features = {name: _part_from_json(part, arrays) for name, part in header["features"].items()}
    targets = tuple(arrays[t] if isinstance(t, int) else _part_from_json(t, arrays) for t in header["targets"])
    order = arrays[header["order"]] if "order" in header else None
    return Table(features, targets, arrays[header["weights"]], arrays[header["validation"]], order)


def _part_from_json(header: dict[str, Any], arrays: Sequence[np.ndarray]) -> Any:
    values = {k: arrays[v["array"]] if isinstance(v, dict) else v for k, v in header.items() if k != "kind"}
    return KINDS[header["kind"]](**values)
