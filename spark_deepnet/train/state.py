"""What a fit has come to: weights, optimizer, clocks, history; in chunks of bytes between jobs, without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.optimizer import Optimizer

CHUNK = 4 << 20  # bytes; Spark sends rows, and a row of 4 MiB suits classic and Connect alike


@dataclass
class Clock:
    """Where a fit stands, and what it has measured; plain values."""

    epoch: int = 0
    step: int = 0
    """The next step of the epoch."""
    count: int = 0
    """Steps made since the start: the optimizer's clock."""
    sums: list[list[float]] = field(default_factory=list)
    """Of the epoch so far, for each output: loss, metric and row weights."""
    seconds: float = 0.0
    """Of the epoch so far."""
    history: list[dict[str, float]] = field(default_factory=list)
    """A row of measures an epoch."""
    best: float = float("inf")
    """The lowest validation loss."""
    best_epoch: int = -1
    stale: int = 0
    """Epochs since then."""
    finished: bool = False


@dataclass
class State:
    """Vectors and clock; replicas that step together hold the same."""

    weights: np.ndarray
    vectors: list[np.ndarray]
    best: np.ndarray | None
    clock: Clock

    @staticmethod
    def started(layout: Layout, optimizer: Optimizer, seed: int, validated: bool) -> State:
        weights = layout.started(seed)
        vectors = []
        for value in optimizer.start():
            vectors.append(aligned(layout.size))
            vectors[-1].fill(value)
        return State(weights, vectors, weights.copy() if validated else None, Clock())

    def kept(self) -> np.ndarray:
        """The weights that the model gets: those of the best epoch where rows were kept for validation."""
        return self.weights if self.best is None or self.clock.best_epoch < 0 else self.best

    def _arrays(self) -> list[np.ndarray]:
        return [self.weights, *self.vectors, *([] if self.best is None else [self.best])]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in self._arrays())

    def chunks(self) -> Iterator[bytes]:
        """The clock, then the vectors, in pieces of at most 4 MiB."""
        yield json.dumps(asdict(self.clock)).encode()
        for array in self._arrays():
            yield from pieces(array)

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take back what ``chunks`` gave, into this state's own arrays."""
        self.clock = Clock(**json.loads(chunks[0]))
        number = 1
        for array in self._arrays():
            raw = array.view(np.uint8)
            for start in range(0, raw.size, CHUNK):
                piece, place = np.frombuffer(chunks[number], np.uint8), raw[start : start + CHUNK]
                if piece.size != place.size:
                    raise ExchangeError(f"state: chunk {number} should have {place.size} bytes, found {piece.size}")
                place[:] = piece
                number += 1
        if number != len(chunks):
            raise ExchangeError(f"state: expected {number} chunks, found {len(chunks)}")


def pieces(array: np.ndarray) -> Iterator[bytes]:
    """A flat array's bytes in chunks."""
    raw = array.view(np.uint8)
    for start in range(0, raw.size, CHUNK):
        yield raw[start : start + CHUNK].tobytes()


def joined(chunks: Mapping[int, bytes], size: int) -> np.ndarray:
    """The float32 array of that many items whose pieces these are."""
    flat = aligned(size)
    flat.view(np.uint8)[...] = np.frombuffer(b"".join(chunks[i] for i in sorted(chunks)), np.uint8)
    return flat


def clock_of(chunk: bytes) -> dict[str, Any]:
    """The clock alone, from the first chunk, for the driver."""
    return json.loads(chunk)  # type: ignore[no-any-return]
