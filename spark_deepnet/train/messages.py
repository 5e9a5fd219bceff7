"""What tasks and the driver send each other: typed messages, each of which travels as one row of one schema.

An array travels as chunks of bytes (``net/chunks.py``), and each chunk names the ranks that own it.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

import pandas as pd

from spark_deepnet import errors
from spark_deepnet.errors import ClusterError, DeepNetError, ExchangeError
from spark_deepnet.net.chunks import Chunk, checksum
from spark_deepnet.plan.grid import Grid

VERSION = 1
"""Of the messages: driver and workers must agree on it."""
SCHEMA = (
    "version int, kind string, block int, rank int, name string, part int, shape array<int>, weight double, "
    "data binary, sha256 string"
)
COLUMNS = [column.split()[0] for column in SCHEMA.split(", ")]
"""In the order of the schema: some sessions read frames by position."""
EVERY = -1
"""As a rank: every rank of the block."""
RANK_ERRORS = (errors.DataError, errors.NetworkError, errors.ParamError, errors.TrainingError)
"""Errors that every rank raises alike: they travel to the driver as messages, and end the fit."""


class ChunkOwner(NamedTuple):
    """The ranks that a chunk belongs to: all ranks of a block, which hold the same, or one of them."""

    block: int
    rank: int = EVERY

    def ranks(self, grid: Grid) -> list[int]:
        return grid.of_block(self.block) if self.rank == EVERY else [self.rank]


class Message(ABC):
    """A kind of message, with the way to its row and back."""

    kind: ClassVar[str]

    @abstractmethod
    def row(self) -> dict[str, Any]:
        """The columns that this kind fills, version and kind aside."""

    @classmethod
    @abstractmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The message of a row."""


class _JsonMessage(Message):
    """A message of plain values from one rank."""

    rank: int

    def row(self) -> dict[str, Any]:
        values = asdict(self)  # type: ignore[call-overload]
        data = json.dumps({name: value for name, value in values.items() if name != "rank"}).encode()
        return {"rank": self.rank, "data": data, "sha256": checksum(data)}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{"rank": _index(cls, row, "rank"), **json.loads(row["data"])})


@dataclass(frozen=True)
class Measures(_JsonMessage):
    """What one rank measured in one job."""

    kind = "measures"
    rank: int
    seconds: dict[str, float]
    """By what they went into, and their total."""
    bytesSent: int
    ownRows: int
    """Training and validation rows of this rank."""
    spilledBytes: int
    rounded: dict[str, Any]
    """Features that float32 cannot tell apart."""
    fingerprint: str
    """A sum over the rows of all ranks; in a round, of this rank."""
    rows: int | None = None
    """Training rows of all ranks."""
    validationRows: int | None = None
    stage: int | None = None
    """Spark's number of the job's stage."""
    notes: list[str] = field(default_factory=list)
    """Sentences to log about the rows' numbers."""
    sums: list[Any] | None = None
    """Of a round: sums over rows of loss, metric and weight."""
    metric_parts: list[Any] | None = None
    """Of a round that evaluates: the parts of metrics, of the training rows and of the validation rows."""
    broken: float = 0.0
    """Of a round: how many scores were not finite."""

    def summary(self, job: int) -> dict[str, Any]:
        """As a row of the fit's summary."""
        hidden = ("notes", "sums", "metric_parts", "broken")
        values = {name: value for name, value in asdict(self).items() if name not in hidden and value is not None}
        return {"job": job} | values


@dataclass(frozen=True)
class RowCounts(_JsonMessage):
    """One rank's part of the dataset's statistics."""

    kind = "row counts"
    rank: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Error(_JsonMessage):
    """An error that ends the fit."""

    kind = "error"
    rank: int
    error: str
    """The name of its class, which is in ``errors`` and one of RANK_ERRORS."""
    message: str

    @staticmethod
    def from_exception(rank: int, error: Exception) -> Error:
        return Error(rank, type(error).__name__, str(error))

    def exception(self) -> DeepNetError:
        """The error, to be raised on the driver."""
        cls = getattr(errors, self.error, None)
        if isinstance(cls, type) and issubclass(cls, RANK_ERRORS):
            return cls(self.message)
        return DeepNetError(f"{self.error}: {self.message}")


@dataclass(frozen=True)
class StateChunk(Message):
    """A chunk of the state that the next job resumes from; a block's part 0 is its clock."""

    kind = "state"
    owner: ChunkOwner
    part: int
    data: bytes

    def row(self) -> dict[str, Any]:
        return {**self.owner._asdict(), "part": self.part, "data": self.data, "sha256": checksum(self.data)}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        owner = ChunkOwner(_index(cls, row, "block"), _index(cls, row, "rank", EVERY))
        return cls(owner, _index(cls, row, "part"), row["data"])


@dataclass(frozen=True)
class WeightsChunk(Message):
    """A chunk of the weights that a block has been trained to."""

    kind = "weights"
    block: int
    chunk: Chunk

    def row(self) -> dict[str, Any]:
        return {"block": self.block, "rank": EVERY, **self.chunk._asdict()}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        part = _index(cls, row, "part")
        return cls(_index(cls, row, "block"), Chunk(row["name"], part, row["shape"], row["data"], row["sha256"]))


@dataclass(frozen=True)
class MeanChunk(Message):
    """A chunk of one replica's weights (and optimizer vectors), which all replicas' are averaged into, or of their mean.
    It has no checksum: it only crosses Spark's own connections, in every round."""

    kind = "mean"
    rank: int
    part: int
    weight: float
    """Of the rows that the replica has seen in this round."""
    data: bytes

    def row(self) -> dict[str, Any]:
        return {"rank": self.rank, "part": self.part, "weight": self.weight, "data": self.data}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(_index(cls, row, "rank"), _index(cls, row, "part"), row["weight"], row["data"])


MESSAGES: dict[str, type[Message]] = {
    cls.kind: cls for cls in (Measures, RowCounts, Error, StateChunk, WeightsChunk, MeanChunk)
}


def encode(message: Message) -> pd.DataFrame:
    """A frame of one row of SCHEMA."""
    empty = dict.fromkeys(COLUMNS)
    return pd.DataFrame([empty | {"version": VERSION, "kind": message.kind} | message.row()])


def decode(rows: Iterable[Any]) -> list[Message]:
    """The messages of rows of SCHEMA; a DeepNetError where a row is none."""
    return [_decoded(row) for row in rows]


def _decoded(row: Any) -> Message:
    if row["version"] != VERSION:
        raise ClusterError(
            f"fit: a worker sent a message of version {row['version']}, but the driver reads {VERSION}; install the same "
            f"spark_deepnet on every executor"
        )
    cls = MESSAGES.get(row["kind"])
    if cls is None:
        raise ExchangeError(f"fit: a worker sent a message of unknown kind {str(row['kind'])[:40]!r}")
    checked = cls is not MeanChunk
    if row["data"] is None or (checked and checksum(row["data"]) != row["sha256"]):
        raise ExchangeError(f"fit: {_place(cls, row)} does not match its checksum; it was damaged on its way")
    return cls.of(row)


def _index(cls: type[Message], row: Mapping[str, Any], column: str, least: int = 0) -> int:
    """A column that numbers a block, a rank or a part."""
    value = row[column]
    if value is None or value != value or value < least:
        raise ExchangeError(f"fit: {_place(cls, row)} has no valid {column}, found {value}")
    return int(value)


def _place(cls: type[Message], row: Mapping[str, Any]) -> str:
    places = [f"{name} {row[name]}" for name in ("block", "rank", "name", "part") if row[name] is not None]
    return f"a message of kind {cls.kind!r} ({', '.join(places)})"


def measures_of(messages: Iterable[Message]) -> list[Measures]:
    """Those of all ranks, in their order."""
    return sorted((m for m in messages if isinstance(m, Measures)), key=lambda m: m.rank)


def raise_worker_error(messages: Iterable[Message]) -> None:
    """Raise the first error among the messages."""
    for message in messages:
        if isinstance(message, Error):
            raise message.exception()
