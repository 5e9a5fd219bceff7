"""The interface between ranks that algorithms use: send, receive, and both at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from time import perf_counter
from typing import Self

import numpy as np

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange.waits import NOBODY, Cut, Wait


class Channel(ABC):
    """One rank's connection to ``size`` ranks, itself among them. Vectors are C-contiguous arrays of any dtype and shape;
    both ends must name the same number of bytes. Every wait ends: an ExchangeError is raised after ``deadline`` seconds
    without a byte, or after ``liveness_timeout`` seconds where that is longer and all ``watched_ranks`` are alive. After
    any ExchangeError the messages are out of step: close the channel. A channel is for one thread at a time."""

    def __init__(self, rank: int, size: int, deadline: float, hosts: Sequence[str] = ()) -> None:
        self.rank, self.size, self.deadline = rank, size, deadline
        self.liveness_timeout = deadline
        self.watched_ranks: Collection[int] | None = None
        """The ranks that must be alive while this one waits; None: all. Others may have finished."""
        self.hosts = tuple(hosts) or ("",) * size
        """The host of each rank, in the order of ranks."""
        self.bytes_sent = 0
        """Bytes of vectors sent so far."""
        self.seconds_waiting = 0.0
        """Seconds spent in receive and swap so far."""
        self._sent, self._received = [0] * size, [0] * size  # messages, by peer
        self._waiting: tuple[int, int, float] | None = None
        """The ranks to which and from which a message is on its way, and the time of the last byte."""

    @property
    def spans_hosts(self) -> bool:
        """Whether there is a network between some of the ranks."""
        return len(set(self.hosts)) > 1

    def send(self, peer: int, vector: np.ndarray) -> None:
        """Send to a peer; the vector may be overwritten afterwards."""
        self.carry(peer, bytes_of(vector), None, None)

    def receive(self, peer: int, out: np.ndarray) -> None:
        """Receive from a peer, filling ``out``."""
        self.carry(None, None, peer, bytes_of(out))

    def swap(self, to: int, vector: np.ndarray, from_: int, out: np.ndarray) -> None:
        """Send to one peer and receive from another, or the same, at once: large vectors do not deadlock."""
        self.carry(to, bytes_of(vector), from_, bytes_of(out))

    def stream(
        self, to: int, vectors: Sequence[np.ndarray], from_: int, outs: Sequence[np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Swap one vector after another; yields each of ``outs`` once it is filled and its counterpart sent, before the next
        is touched, so that all may be the same memory. Between hosts later vectors are on their way meanwhile: all together
        take the network's delay once."""
        for vector, out in zip(vectors, outs, strict=True):
            self.swap(to, vector, from_, out)
            yield out

    def carry(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        """Send ``data`` and fill ``out``, either of which may be None, and count messages and bytes."""
        start = perf_counter()
        if to is not None and 0 <= to < self.size:
            self._sent[to] += 1
        self._move(to, data, from_, out)
        self._waiting = None
        if from_ is not None:
            self._received[from_] += 1
        if out is not None:
            self.seconds_waiting += perf_counter() - start
        if data is not None:
            self.bytes_sent += len(data)

    @abstractmethod
    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        """Send and receive as ``carry`` does, without counting."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections; peers that wait for this rank notice."""

    def place(self, peer: int) -> str:
        """The peer as error messages name it."""
        return f"rank {peer}"

    def wait(self) -> Wait:
        """What this rank waits for; callable from any thread."""
        to, from_, since = self._waiting or (NOBODY, NOBODY, perf_counter())
        return Wait(to, from_, perf_counter() - since, tuple(self._sent), tuple(self._received))

    def wait_of(self, rank: int) -> Wait | None:
        """What another rank says that it waits for; None where it does not answer."""
        return None

    def unresponsive_error(self, peer: int, waited: float) -> ExchangeError | None:
        """The error that names a watched rank without a sign of life, the peer first; None where all are alive."""
        return None

    def timeout_error(self, peer: int, waited: float) -> ExchangeError:
        return ExchangeError(
            f"rank {self.rank} waited {waited:g} s for {self.place(peer)}; is it frozen or unreachable?"
        )

    def slow_error(self, peer: int, waited: float) -> ExchangeError:
        return ExchangeError(
            f"rank {self.rank} waited {waited:g} s for {self.place(peer)}, which is alive and at work; is it slow, or "
            f"frozen there? a longer timeout waits for it"
        )

    def cut_error(self, ranks: Cut, waited: float) -> ExchangeError:
        sender, receiver = map(self.place, ranks)
        return ExchangeError(
            f"rank {self.rank} waited {waited:g} s, because {receiver} does not get what {sender} has sent it, though both "
            f"are alive; what cuts the two off from each other?"
        )

    def closed_error(self, peer: int, reason: object = "") -> LostPeerError:
        end = f" ({reason})" if str(reason) else ""
        return LostPeerError(f"rank {self.rank}: {self.place(peer)} closed the connection{end}; its own error says why")

    def length_error(self, peer: int, received: object, expected: int) -> ExchangeError:
        return ExchangeError(
            f"rank {self.rank} expected {expected} bytes from {self.place(peer)}, found {received}: "
            f"the two are not at the same step"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def bytes_of(vector: np.ndarray) -> memoryview:
    """The memory of a C-contiguous array, byte by byte."""
    if not vector.flags.c_contiguous:
        raise ExchangeError(f"a vector to exchange must be C-contiguous, found strides {vector.strides}: copy it first")
    return vector.reshape(-1).view(np.uint8).data


def parts(vector: np.ndarray, count: int) -> list[np.ndarray]:
    """Views of a flat vector in ``count`` parts whose lengths differ by one at most."""
    n = vector.size
    return [vector[i * n // count : (i + 1) * n // count] for i in range(count)]


def pieces(length: int, scratch: np.ndarray) -> int:
    """The number of parts in which a vector of this length fits the scratch vector."""
    return max(1, -(-length // scratch.size))
