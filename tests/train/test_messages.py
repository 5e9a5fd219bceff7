"""Every kind of message comes back from its row as it was sent, and a row that is none is refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from spark_deepnet.data.schema import Columns, Target
from spark_deepnet.data.shard import Shard
from spark_deepnet.errors import ClusterError, DataError, DeepNetError, ExchangeError, UnknownNameError
from spark_deepnet.net import chunks as codec
from spark_deepnet.net.chunks import chunks_of
from spark_deepnet.plan.grid import Grid
from spark_deepnet.train.inbox import STATE_COLUMNS, STATE_SCHEMA, Inbox, state_row
from spark_deepnet.train.messages import (
    COLUMNS,
    EVERY,
    MESSAGES,
    SCHEMA,
    VERSION,
    ChunkOwner,
    Error,
    MeanChunk,
    Measures,
    Message,
    RowCounts,
    StateChunk,
    WeightsChunk,
    decode,
    encode,
    raise_worker_error,
)
from spark_deepnet.train.round import mean_of, merged, take_means
from tests.data.frames import arrays, sources
from tests.data.shards import read_shard

CHUNK = next(chunks_of({"dense/W": np.arange(6, dtype=np.float32).reshape(2, 3)}))
CASES: dict[str, Message] = {
    "measures": Measures(
        1, {"reading": 0.5, "total": 1.0}, 10, 20, 0, {"f": [1, 2.0, 3.0]}, "ff", 40, 5, 3, ["features are large"]
    ),
    "measures of a round": Measures(0, {"total": 1.0}, 0, 7, 0, {}, "ff", sums=[[[1.0, 2.0, 3.0]]], broken=1.0),
    "row counts": RowCounts(2, {"rows": 3, "faults": {"column 'a': null": 2}, "failure": None}),
    "error": Error(4, "DataError", "column 'f': null values (3 found)"),
    "state of a block": StateChunk(ChunkOwner(2), 1, b"\0\1\2"),
    "state of a rank": StateChunk(ChunkOwner(0, 3), 0, b""),
    "weights": WeightsChunk(1, CHUNK),
    "mean": MeanChunk(3, 2, 1.5, np.ones(4, np.float32).tobytes()),
}
each_message = pytest.mark.parametrize("name", CASES)
each_chunk = pytest.mark.parametrize("name", ["state of a block", "state of a rank", "weights"])
TYPES: dict[str, Any] = {
    "int": pa.int32(), "double": pa.float64(), "string": pa.string(), "binary": pa.binary(),
    "array<int>": pa.list_(pa.int32()),
}  # fmt: skip


def row_of(message: Message) -> dict[str, Any]:
    """The row as Arrow brings it to the driver."""
    schema = pa.schema([(name, TYPES[kind]) for name, kind in (field.split() for field in SCHEMA.split(", "))])
    (row,) = pa.Table.from_pandas(encode(message), schema=schema, preserve_index=False).to_pylist()
    return dict(row)


def test_every_kind_has_a_case() -> None:
    assert {type(message) for message in CASES.values()} == set(MESSAGES.values())


@each_message
def test_a_message_comes_back_from_its_row(name: str) -> None:
    row = row_of(CASES[name])
    assert list(row) == COLUMNS
    assert decode([row]) == [CASES[name]]


@each_message
def test_a_message_of_another_version_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match=f"message of version 99, but the driver reads {VERSION}; install the same"):
        decode([row_of(CASES[name]) | {"version": 99}])


@each_message
@pytest.mark.parametrize("kind", ["", "pulse", None])
def test_an_unknown_kind_is_refused(name: str, kind: Any) -> None:
    with pytest.raises(ExchangeError, match="a message of unknown kind"):
        decode([row_of(CASES[name]) | {"kind": kind}])


@each_message
def test_a_message_without_bytes_is_refused(name: str) -> None:
    with pytest.raises(ExchangeError, match="does not match its checksum"):
        decode([row_of(CASES[name]) | {"data": None}])


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"mean"}))
@pytest.mark.parametrize("change", [{"data": b"other"}, {"sha256": None}, {"sha256": "0" * 64}], ids=str)
def test_an_altered_message_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ExchangeError, match=rf"a message of kind '{CASES[name].kind}' .* was damaged on its way"):
        decode([row_of(CASES[name]) | change])


@each_message
@pytest.mark.parametrize("number", [None, -2, float("nan")])
def test_an_owner_that_is_none_is_refused(name: str, number: Any) -> None:
    row = row_of(CASES[name])
    for column in ("block", "rank", "part"):
        if row[column] is not None and not (name == "weights" and column == "rank"):
            with pytest.raises(ExchangeError, match=f"has no valid {column}, found {number}"):
                decode([row | {column: number}])


def test_the_ranks_of_an_owner() -> None:
    grid = Grid(replicas=3, blocks=2)
    assert ChunkOwner(1).ranks(grid) == [1, 3, 5]
    assert ChunkOwner(1, 3).ranks(grid) == [3]


@pytest.mark.parametrize("error", [DataError("f: null"), UnknownNameError("no such loss")])
def test_a_workers_error_is_raised_as_its_class(error: Exception) -> None:
    (message,) = decode([row_of(Error.from_exception(1, error))])
    with pytest.raises(type(error), match=str(error)):
        raise_worker_error([CASES["weights"], message])


@pytest.mark.parametrize("name", ["Custom", "SystemExit", "near", "ExchangeError"])
def test_a_class_that_is_no_error_of_users_is_not_called(name: str) -> None:
    with pytest.raises(DeepNetError, match=f"{name}: words") as raised:
        raise_worker_error([Error(0, name, "words")])
    assert type(raised.value) is DeepNetError


def replicas(vectors: list[np.ndarray], weights: list[float]) -> list[MeanChunk]:
    """What replicas send whose vectors are these times 1, 2, ..."""
    return [
        MeanChunk(rank, part, weight, codec.cut_out(array * np.float32(rank + 1), k))
        for rank, weight in enumerate(weights)
        for part, (array, k) in enumerate(codec.numbered(vectors))
    ]


VECTORS = [np.arange(10, dtype=np.float32), np.arange(7, dtype=np.float32)]


@pytest.mark.parametrize(("weights", "factor"), [([1.0, 3.0], 1.75), ([0.0, 2.0], 2.0), ([0.0, 0.0], 1.5)])
@pytest.mark.parametrize("shuffled", [False, True])
def test_the_mean_of_replicas(
    weights: list[float], factor: float, shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "CHUNK_BYTES", 16)
    sent: list[Message] = [CASES["measures"], *replicas(VECTORS, weights)[::-1]]
    if shuffled:
        rows = pd.DataFrame([row for message in sent for row in encode(message).to_dict("records")])
        groups = rows.groupby(["kind", "part"], dropna=False)
        sent = [m for _, group in groups for m in decode(merged(group)[COLUMNS].to_dict("records"))]
        assert len(sent) == 1 + 3 + 2
    found = [np.zeros_like(vector) for vector in VECTORS]
    take_means(sent, found)
    for own, vector in zip(found, VECTORS, strict=True):
        np.testing.assert_allclose(own, factor * vector, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sent: sent[:-1], "chunk 4 of some worker's weights is missing"),
        (lambda sent: sent[1:], "is missing"),
        (lambda sent: sent[:0], "chunk 0 of some worker's weights is missing"),
        (lambda sent: [*sent, sent[2]], "chunk 2 of worker 0's weights was not expected"),
        (lambda sent: [*sent, MeanChunk(0, 5, 1.0, b"more")], "chunk 5 of worker 0's weights was not expected"),
    ],
)
def test_a_mean_wants_every_chunk_of_every_replica_once(
    change: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "CHUNK_BYTES", 16)
    with pytest.raises(ExchangeError, match=words):
        take_means(change(replicas(VECTORS, [1.0, 1.0])), [np.zeros_like(vector) for vector in VECTORS])


def test_a_mean_is_taken_in_the_order_of_replicas() -> None:
    chunks = replicas([np.full(3, 1 / 3, np.float32)], [0.1, 0.7, 0.3])
    assert mean_of(chunks) == mean_of(chunks[::-1])


CHUNKS = [StateChunk(ChunkOwner(0), 1, b"second"), StateChunk(ChunkOwner(2, 5), 0, b"first")]
ROWS = arrays(list(np.arange(18, dtype=np.float32).reshape(6, 3)), label=[0.0, 1.0] * 3, validation=[False, True] * 3)


def shard_of(frames: list[pd.DataFrame]) -> tuple[Shard, Inbox]:
    inbox, columns = Inbox(), Columns(sources(3, "f"), (Target("y", classes=2),), validation="v")
    return read_shard(inbox.rows(frames), columns), inbox


def test_chunks_of_state_are_parted_from_the_rows() -> None:
    """As Spark unites them: with nulls for the columns that the others have."""
    chunks = pd.DataFrame([state_row(chunk) for chunk in CHUNKS], columns=list(STATE_COLUMNS))
    mixed = pd.concat([ROWS.iloc[:2], chunks, ROWS.iloc[2:]], ignore_index=True)
    mixed = mixed.astype(object).where(mixed.notna(), None)
    mixed[["block", "rank", "part"]] = mixed[["block", "rank", "part"]].astype(float)
    rows = ROWS.assign(block=np.nan, rank=np.nan, part=np.nan, data=None)
    expected, empty = shard_of([ROWS])
    assert empty.chunks == {}
    for frames in ([mixed], [mixed.iloc[:3], mixed.iloc[3:]], [mixed.iloc[2:4], rows]):
        shard, inbox = shard_of(frames)
        assert inbox.chunks == {(chunk.owner, chunk.part): chunk.data for chunk in CHUNKS}
        assert (shard.faults, shard.fingerprint) == ({}, expected.fingerprint)
        assert (len(shard.train), len(shard.valid)) == (3, 3)


def test_the_columns_of_state_are_those_of_messages() -> None:
    fields = SCHEMA.split(", ")
    assert ", ".join(field for field in fields if field.split()[0] in STATE_COLUMNS) == STATE_SCHEMA
    assert tuple(field.split()[0] for field in STATE_SCHEMA.split(", ")) == STATE_COLUMNS
    assert EVERY < 0


def test_an_inbox_holds_one_frame_at_a_time() -> None:
    """A frame is free before the next one is made."""
    alive: list[int] = []

    class Frame(pd.DataFrame):
        def __del__(self) -> None:
            alive.remove(1)

    def frames() -> Any:
        for _ in range(3):
            assert alive == []
            frame = Frame({"label": [1.0]})
            alive.append(1)
            yield frame
            del frame

    for frame in Inbox().rows(frames()):
        assert len(frame) == 1
        del frame
