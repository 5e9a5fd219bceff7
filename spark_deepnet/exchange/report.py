"""The driver's listener, where ranks meet, and a one-way link that takes progress from a worker to it: this one may lose
messages but never delays training."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange import meeting
from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.link import WOULD_BLOCK
from spark_deepnet.exchange.meeting import DRIVER, Meetings

LENGTH = struct.Struct("<I")
MAX_MESSAGE_BYTES = 64 * 1024
"""Longer messages are not sent."""
_WORKER = 1
_log = logging.getLogger(__name__)


class Listener:
    """The driver's end: ``on_message(bytes)`` is called in the listener's thread for every message that arrives, and ranks
    meet in ``meetings``."""

    def __init__(
        self, address: str, secret: bytes, on_message: Callable[[bytes], None], ports: Iterable[int] = (0,),
        identity: bytes = b"", meetings: Meetings | None = None,
    ) -> None:  # fmt: skip
        self._on_message, self._meetings = on_message, meetings
        key = Credentials(secret, "report", identity=identity)
        more = [] if meetings is None else [(replace(key, role=meeting.ROLE), meetings.admit)]
        self._acceptor = Acceptor(address, key, DRIVER, self._admit, ports, more)
        self.host, self.port = self._acceptor.host, self._acceptor.port

    def close(self) -> None:
        self._acceptor.close()
        if self._meetings is not None:
            self._meetings.close()

    def _admit(self, sock: socket.socket, _: int) -> None:
        received = bytearray()
        self._acceptor.watch(sock, lambda: self._read(sock, received))

    def _read(self, sock: socket.socket, received: bytearray) -> None:
        """Read what has arrived and deliver the messages that are complete."""
        more, good = b"read on", True
        while more and good:
            try:
                more = sock.recv(MAX_MESSAGE_BYTES)
            except WOULD_BLOCK:
                return
            except OSError:
                more = b""
            received += more
            good = self._deliver(received)
        self._acceptor.leave(sock)
        sock.close()

    def _deliver(self, received: bytearray) -> bool:
        """Deliver complete messages; returns whether what follows can still be a message."""
        while len(received) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(received)
            if length > MAX_MESSAGE_BYTES:
                return False
            end = LENGTH.size + length
            if len(received) < end:
                break
            message = bytes(received[LENGTH.size : end])
            del received[:end]
            self._call(message)
        return True

    def _call(self, message: bytes) -> None:
        try:
            self._on_message(message)
        except Exception:
            _log.exception("a progress message could not be shown")


class Reporter:
    """A worker's end; an ExchangeError where the driver cannot be reached within the timeout."""

    def __init__(self, host: str, port: int, secret: bytes, timeout: float, identity: bytes = b"") -> None:
        try:
            key = Credentials(secret, "report", identity=identity)
            self._sock = dial(host, port, key, _WORKER, DRIVER, timeout)
        except ExchangeError as error:
            raise ExchangeError(f"progress cannot be reported to the driver: {error}") from None
        self._sock.setblocking(False)
        self._rest = b""  # of the message taken last

    def send(self, blob: bytes) -> bool:
        """Send a message; returns whether it was taken: not if it is too long, or the driver slow or gone."""
        if len(blob) > MAX_MESSAGE_BYTES or not self._push():
            return False
        self._rest = LENGTH.pack(len(blob)) + blob
        self._push()
        return True

    def _push(self) -> bool:
        """Send what the socket takes of the rest; returns whether nothing is left."""
        try:
            while self._rest:
                self._rest = self._rest[self._sock.send(self._rest) :]
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._sock.close()
