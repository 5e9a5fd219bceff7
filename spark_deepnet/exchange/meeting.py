"""Ranks meet at the driver: each sends its address there, and the driver sends all addresses to all of them.

The driver decides once for each attempt of a job, and its decision is the same for every rank: all addresses once every
rank has sent its own, or None, by another way, where that takes too long. A rank that has sent its address obeys the
driver: where its connection ends before the decision, it fails, and Spark runs the stage again. A rank that does not reach
the driver has sent nothing, so the driver cannot have decided for addresses, and all ranks take the other way.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange.handshake import Credentials, dial, exactly

ROLE = "meeting"
DRIVER = 0
"""The driver's number in the handshake for this role."""
LENGTH = struct.Struct("<I")
MAX_ARRIVAL_BYTES = 4096
BYTES_PER_ADDRESS = 300
"""A host's name has at most 253 characters."""
ARRIVAL_SECONDS = 5.0
"""Seconds that a rank has for its address once it is connected, and the driver for each rank's reply."""
DIAL_SECONDS = 2.0
"""Seconds in which a rank must reach the driver."""
MEETING_SECONDS = 10.0
"""Seconds after the first rank's arrival within which the others must arrive, or a quarter of the deadline, if that is
less."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where ranks meet, and in which attempt of which job."""

    host: str
    port: int
    job: str
    attempt: int
    """A number that the ranks of one attempt of the job share with no other attempt."""


def meet(place: Place, rank: int, size: int, address: str, secret: bytes, deadline: float, identity: bytes = b"") -> (
    list[str] | None
):  # fmt: skip
    """Every rank's address in the order of ranks; None where all ranks are to meet another way."""
    key = Credentials(secret, ROLE, identity=identity)
    try:
        sock = dial(place.host, place.port, key, rank, DRIVER, min(DIAL_SECONDS, deadline / 4))
    except (ExchangeError, OSError) as error:
        _log.debug("rank %d does not reach the driver", rank, exc_info=error)
        return None
    with sock:  # from here on the driver decides
        end = time.monotonic() + deadline
        try:
            _send(sock, [place.job, place.attempt, size, address], deadline)
            addresses = _received(sock, BYTES_PER_ADDRESS * (size + 1), end)
        except (OSError, ValueError) as error:
            raise LostPeerError(
                f"rank {rank}: the driver at {place.host}:{place.port} has not answered where the other ranks are ({error})"
            ) from None
    return None if addresses is None else [str(each) for each in addresses]


@dataclass
class _Round:
    """The ranks of one attempt that have arrived."""

    size: int
    timer: threading.Timer
    addresses: dict[int, str] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)
    decided: bool = False

    @property
    def given_up(self) -> bool:
        return self.decided and len(self.addresses) < self.size

    def fits(self, rank: int, size: int) -> bool:
        """Whether this rank may still arrive."""
        return not self.decided and size == self.size and 0 <= rank < size and rank not in self.addresses

    def decide(self) -> list[socket.socket]:
        """Nobody arrives any more; returns the connections that wait for the decision."""
        self.timer.cancel()
        self.decided, sockets, self.sockets = True, self.sockets, []
        return sockets


class Meetings:
    """The driver's end, for all jobs of a fit and their attempts."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._lock, self._open = seconds, threading.Lock(), True
        self._rounds: dict[tuple[str, int], _Round] = {}
        self._met: set[str] = set()

    def met(self, job: str) -> bool:
        """Whether the ranks of a job have met here."""
        return job in self._met

    def admit(self, sock: socket.socket, rank: int) -> None:
        """Take the connection of a rank that has proved itself (called in the acceptor's thread)."""
        threading.Thread(target=self._arrive, args=(sock, rank), name="meeting arrival", daemon=True).start()

    def close(self) -> None:
        """Decide nothing any more; ranks that still wait are disconnected."""
        with self._lock:
            self._open = False
            for sock in (sock for each in self._rounds.values() for sock in each.decide()):
                sock.close()

    def _arrive(self, sock: socket.socket, rank: int) -> None:
        try:
            job, attempt, size, address = _received(sock, MAX_ARRIVAL_BYTES, time.monotonic() + ARRIVAL_SECONDS)
            key = str(job), int(attempt)
            sockets, addresses = self._decision(key, int(size), rank, str(address), sock)
        except (OSError, ValueError, TypeError):
            sock.close()
        else:
            _reply(sockets, addresses)

    def _decision(
        self, key: tuple[str, int], size: int, rank: int, address: str, sock: socket.socket
    ) -> tuple[list[socket.socket], list[str] | None]:
        """Whom to answer what after this arrival; ValueError where it is none."""
        with self._lock:
            current = self._round(key, size)
            if current.given_up:
                return [sock], None
            if not current.fits(rank, size):
                raise ValueError(f"rank {rank} of {size} is not expected")
            current.addresses[rank] = address
            current.sockets.append(sock)
            if len(current.addresses) < size:
                return [], None
            self._met.add(key[0])
            return current.decide(), [current.addresses[r] for r in range(size)]

    def _round(self, key: tuple[str, int], size: int) -> _Round:
        if not self._open:
            raise ValueError("the fit has ended")
        if key not in self._rounds:
            timer = threading.Timer(self._seconds, self._give_up, [key])
            timer.daemon = True
            timer.start()
            self._rounds[key] = _Round(size, timer)
        return self._rounds[key]

    def _give_up(self, key: tuple[str, int]) -> None:
        """Send those that have arrived another way, because some have not."""
        with self._lock:
            current = self._rounds[key]
            if current.decided:
                return
            sockets = current.decide()
        _log.info("fit: %d of %d workers have reached the driver; they meet by the barrier", len(sockets), current.size)
        _reply(sockets, None)


def _reply(sockets: Iterable[socket.socket], addresses: list[str] | None) -> None:
    for sock in sockets:
        with sock, suppress(OSError):  # of a rank that has ended
            _send(sock, addresses, ARRIVAL_SECONDS)


def _send(sock: socket.socket, message: Any, seconds: float) -> None:
    blob = json.dumps(message).encode()
    sock.settimeout(seconds)
    sock.sendall(LENGTH.pack(len(blob)) + blob)


def _received(sock: socket.socket, max_bytes: int, end: float) -> Any:
    """A message, as plain values; ValueError where it is too long or none."""
    (length,) = LENGTH.unpack(exactly(sock, LENGTH.size, end))
    if length > max_bytes:
        raise ValueError(f"{length} bytes")
    return json.loads(exactly(sock, length, end))
