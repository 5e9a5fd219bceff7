"""The state of a fit: weights, optimizer vectors, clock and history. Between jobs it is chunks of bytes, without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.net.chunks import bytes_of, cut_out, fill, numbered
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.train.messages import ChunkOwner, Message, StateChunk


@dataclass
class Clock:
    """The progress and the measures of a fit, as plain values."""

    epoch: int = 0
    step: int = 0
    """The next step of the epoch."""
    count: int = 0
    """Steps made since the start, and before it by an earlier fit that this one continues."""
    started: int = 0
    """Of these, those made before."""
    made: int = 0
    """Steps of this fit, by which maxSteps counts: a step of all replicas is one, and so is a round of blocks."""
    restarted: int = 0
    """The count at which the optimizer's state was last reset: its own clock starts there."""
    tau: int = 0
    """Steps between exchanges, where the fit derives them from measured seconds; 0: not yet."""
    sums: list[list[float]] = field(default_factory=list)
    """Of the epoch so far, for each output: loss, metric and row weights."""
    seconds: float = 0.0
    """Of the epoch so far."""
    history: list[dict[str, float]] = field(default_factory=list)
    """A row of measures an epoch."""
    best: float = float("inf")
    """The lowest validation loss, or watched figure, negative where higher is better."""
    best_epoch: int = -1
    stale: int = 0
    """Epochs since then."""
    lowest: float = float("inf")
    """Where the number of epochs is automatic: the lowest loss, of the validation rows if there are some."""
    lowest_epoch: int = 0
    end: int = 0
    """The epoch with which such a fit ends, once its loss no longer improves; 0: that is not known yet."""
    finished: bool = False


ONLY_RANK = ChunkOwner(0, 0)
"""The owner of the own chunks of a fit that has one state, held by one process."""


@dataclass
class State:
    """Vectors and clock. Replicas hold the same, but for the optimizer's vectors where local steps keep them,
    and for what a compression has not sent yet."""

    weights: np.ndarray
    vectors: list[np.ndarray]
    best: np.ndarray | None
    clock: Clock
    residual: np.ndarray | None = None
    """Under top-k compression, the gradients that this rank has not sent yet."""
    outer: np.ndarray | None = None
    """Where averages have momentum of their own: its vector."""

    @staticmethod
    def initial(layout: Layout, optimizer: Optimizer, seed: int, validated: bool, outer: bool = False) -> State:
        """outer: whether averages have momentum of their own."""
        weights = layout.init_weights(seed)
        best, momentum = weights.copy() if validated else None, layout.zeros() if outer else None
        return State(weights, init_state(optimizer, layout.size), best, Clock(), outer=momentum)

    def kept(self) -> np.ndarray:
        """The weights that the model gets: those of the best epoch where rows were kept for validation."""
        return self.weights if self.best is None or self.clock.best_epoch < 0 else self.best

    def shared(self, own: bool) -> list[np.ndarray]:
        """What every rank holds alike; own: the optimizer's vectors are each rank's own."""
        others = [array for array in (self.best, self.outer) if array is not None]
        return [self.weights, *([] if own else self.vectors), *others]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in self.shared(False))

    def starting(self, arrays: int) -> list[np.ndarray]:
        """The first of the weights and the optimizer's vectors: where a fit starts from them."""
        return [self.weights, *self.vectors][:arrays]

    def chunks(self, block: int, arrays: Sequence[np.ndarray]) -> Iterator[StateChunk]:
        """What every rank of the block holds alike: the clock, then these arrays."""
        owner = ChunkOwner(block)
        yield StateChunk(owner, 0, json.dumps(asdict(self.clock)).encode())
        for part, place in enumerate(numbered(arrays), 1):
            yield StateChunk(owner, part, cut_out(*place))

    def shared_chunks(self, block: int = 0, own: bool = False) -> Iterator[StateChunk]:
        """What every rank of the block holds alike."""
        yield from self.chunks(block, self.shared(own))

    def mine(self, own: bool) -> list[np.ndarray]:
        """What is this rank's own."""
        return [*(self.vectors if own else []), *([] if self.residual is None else [self.residual])]

    def own_chunks(self, owner: ChunkOwner, own: bool) -> Iterator[StateChunk]:
        """What is this rank's own."""
        for part, place in enumerate(numbered(self.mine(own))):
            yield StateChunk(owner, part, cut_out(*place))

    def restore(self, chunks: Iterable[StateChunk], owner: ChunkOwner = ONLY_RANK, own: bool = False) -> None:
        """Read the block's ``shared_chunks`` and this rank's ``own_chunks``, in any order, into this state's arrays.
        Each chunk can be freed once it is read. owner: this rank."""
        self._read(chunks, owner, self.shared(own), self.mine(own))

    def start_from(self, chunks: Iterable[StateChunk], owner: ChunkOwner, arrays: int) -> None:
        """Read where a fit starts: the clock, and the first of the weights and the optimizer's vectors."""
        self._read(chunks, owner, self.starting(arrays), [])
        if self.best is not None:
            self.best[...] = self.weights

    def _read(
        self, chunks: Iterable[StateChunk], owner: ChunkOwner, alike: list[np.ndarray], mine: list[np.ndarray]
    ) -> None:
        """Read the clock and the arrays that the block's ranks hold alike, and this rank's own arrays."""
        shared = ChunkOwner(owner.block)
        places = {(shared, part): place for part, place in enumerate(numbered(alike), 1)}
        places |= {(owner, part): place for part, place in enumerate(numbered(mine))}
        expected, seen = places.keys() | {(shared, 0)}, set[tuple[ChunkOwner, int]]()
        for chunk in chunks:
            key = chunk.owner, chunk.part
            if key in seen:
                raise ExchangeError(f"state: chunk {chunk.part} of block {chunk.owner.block} came twice")
            seen.add(key)
            if key == (shared, 0):
                self.clock = Clock(**json.loads(chunk.data))
            elif key in places:
                _fill(*places[key], chunk)
        if seen != expected:
            raise ExchangeError(f"state: expected {len(expected)} chunks, found {len(seen)}")


def init_state(optimizer: Optimizer, size: int) -> list[np.ndarray]:
    """The optimizer's vectors before its first step."""
    vectors = [aligned(size) for _ in optimizer.vectors]
    for vector, value in zip(vectors, optimizer.start(), strict=True):
        vector.fill(value)
    return vectors


def _fill(array: np.ndarray, part: int, chunk: StateChunk) -> None:
    expected = bytes_of(array.shape, part)
    if len(chunk.data) != expected:
        raise ExchangeError(f"state: chunk {chunk.part} should have {expected} bytes, found {len(chunk.data)}")
    fill(array, part, chunk.data)


def clock_of(messages: Iterable[Message]) -> dict[str, Any]:
    """The first block's clock, for the driver."""
    first = next(m for m in messages if isinstance(m, StateChunk) and (m.owner, m.part) == (ChunkOwner(0), 0))
    return json.loads(first.data)  # type: ignore[no-any-return]
