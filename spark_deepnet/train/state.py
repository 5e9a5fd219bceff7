"""What a fit has come to: weights, optimizer, clocks, history; in chunks of bytes between jobs, without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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
    """Steps made since the start."""
    restarted: int = 0
    """The count at which the optimizer's state was last reset: its own clock starts there."""
    tau: int = 0
    """Steps between exchanges, where the fit has found them by itself; 0: not yet."""
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


ALL = -1
"""Whose a chunk is that every rank holds alike; others are one rank's own. Of a network in blocks, block b's ranks hold
alike what belongs to ALL - b."""
Chunks = Iterable[tuple[tuple[int, int], bytes]]
"""(whose, number) and bytes of each"""


@dataclass
class State:
    """Vectors and clock. Replicas hold the same, but for the optimizer's vectors where they step alone and keep them,
    and for what a compression has not sent yet."""

    weights: np.ndarray
    vectors: list[np.ndarray]
    best: np.ndarray | None
    clock: Clock
    residual: np.ndarray | None = None
    """Of the gradients, where the largest alone are sent: all that this rank still owes the others."""

    @staticmethod
    def initial(layout: Layout, optimizer: Optimizer, seed: int, validated: bool) -> State:
        weights = layout.init_weights(seed)
        return State(weights, init_state(optimizer, layout.size), weights.copy() if validated else None, Clock())

    def kept(self) -> np.ndarray:
        """The weights that the model gets: those of the best epoch where rows were kept for validation."""
        return self.weights if self.best is None or self.clock.best_epoch < 0 else self.best

    def shared(self, own: bool) -> list[np.ndarray]:
        """What every rank holds alike; own: the optimizer's vectors are each rank's own."""
        return [self.weights, *([] if own else self.vectors), *([] if self.best is None else [self.best])]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in self.shared(False))

    def chunks(self, own: bool = False) -> Iterator[bytes]:
        """What every rank holds alike: the clock, then the vectors, in pieces of at most 4 MiB."""
        yield json.dumps(asdict(self.clock)).encode()
        for array in self.shared(own):
            yield from pieces(array)

    def mine(self, own: bool) -> list[np.ndarray]:
        """What is this rank's own."""
        return [*(self.vectors if own else []), *([] if self.residual is None else [self.residual])]

    def own_chunks(self, own: bool) -> Iterator[bytes]:
        """What is this rank's own, in pieces."""
        for array in self.mine(own):
            yield from pieces(array)

    def restore(self, chunks: Chunks, rank: int = 0, own: bool = False, block: int = 0) -> None:
        """Take back what ``chunks`` of the block and this rank's ``own_chunks`` gave, in any order, into this state's own
        arrays; a chunk that nobody else holds is gone then."""
        clock = ALL - block, 0
        places = _places(self.shared(own), ALL - block, 1) | _places(self.mine(own), rank, 0)
        known, found = places.keys() | {clock}, set()
        for name, data in chunks:
            found.add(name)
            if name == clock:
                self.clock = Clock(**json.loads(data))
            elif name in places:
                _fill(places.pop(name), name, data)
        if found != known:
            raise ExchangeError(f"state: expected {len(known)} chunks, found {len(found)}")


def init_state(optimizer: Optimizer, size: int) -> list[np.ndarray]:
    """The optimizer's vectors before its first step."""
    vectors = [aligned(size) for _ in optimizer.vectors]
    for vector, value in zip(vectors, optimizer.start(), strict=True):
        vector.fill(value)
    return vectors


def _places(arrays: list[np.ndarray], whose: int, number: int) -> dict[tuple[int, int], np.ndarray]:
    """Where the chunks of arrays go, from this number on."""
    raw = [array.view(np.uint8) for array in arrays]
    stretches = [a[start : start + CHUNK] for a in raw for start in range(0, a.size, CHUNK)]
    return {(whose, number + k): stretch for k, stretch in enumerate(stretches)}


def _fill(place: np.ndarray, name: tuple[int, int], data: bytes) -> None:
    if place.size != len(data):
        raise ExchangeError(f"state: chunk {name[1]} should have {place.size} bytes, found {len(data)}")
    place[:] = np.frombuffer(data, np.uint8)


def pieces(array: np.ndarray) -> Iterator[bytes]:
    """A flat array's bytes in chunks."""
    raw = array.view(np.uint8)
    for start in range(0, raw.size, CHUNK):
        yield raw[start : start + CHUNK].tobytes()


def joined(chunks: Mapping[int, bytes]) -> np.ndarray:
    """The float32 array whose pieces these are."""
    raw = b"".join(chunks[i] for i in sorted(chunks))
    flat = aligned(len(raw) // 4)
    flat.view(np.uint8)[...] = np.frombuffer(raw, np.uint8)
    return flat


def clock_of(chunk: bytes) -> dict[str, Any]:
    """The clock alone, from the first chunk, for the driver."""
    return json.loads(chunk)  # type: ignore[no-any-return]
