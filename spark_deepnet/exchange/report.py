"""A one-way link from a worker to the driver for progress: it may lose messages, it never holds up training."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable, Iterable

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.handshake import Pass, dial
from spark_deepnet.exchange.link import BLOCKED

LENGTH = struct.Struct("<I")
LARGEST = 64 * 1024
"""Bytes a message may have."""
_DRIVER, _WORKER = 0, 1
_log = logging.getLogger(__name__)


class Listener:
    """The driver's end: ``on_message(bytes)`` is called in the listener's thread for every message that arrives."""

    def __init__(
        self, address: str, secret: bytes, on_message: Callable[[bytes], None], ports: Iterable[int] = (0,),
        identity: bytes = b"",
    ) -> None:  # fmt: skip
        self._on_message = on_message
        self._acceptor = Acceptor(address, Pass(secret, "report", identity=identity), _DRIVER, self._admit, ports)
        self.host, self.port = self._acceptor.host, self._acceptor.port

    def close(self) -> None:
        self._acceptor.close()

    def _admit(self, sock: socket.socket, _: int) -> None:
        found = bytearray()
        self._acceptor.watch(sock, lambda: self._read(sock, found))

    def _read(self, sock: socket.socket, found: bytearray) -> None:
        """Take what has come and hand on the messages that are complete."""
        try:
            more = sock.recv(LARGEST)
        except BLOCKED:
            return
        except OSError:
            more = b""
        found += more
        if not more or not self._hand_on(found):
            self._acceptor.leave(sock)
            sock.close()

    def _hand_on(self, found: bytearray) -> bool:
        """Whether what follows can still be a message."""
        while len(found) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(found)
            if length > LARGEST:
                return False
            end = LENGTH.size + length
            if len(found) < end:
                break
            message = bytes(found[LENGTH.size : end])
            del found[:end]
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
            key = Pass(secret, "report", identity=identity)
            self._sock = dial(host, port, key, _WORKER, _DRIVER, timeout)
        except ExchangeError as error:
            raise ExchangeError(f"progress cannot be told to the driver: {error}") from None
        self._sock.setblocking(False)
        self._rest = b""  # of the message taken last

    def send(self, blob: bytes) -> bool:
        """Whether the message was taken: not so when it is too long, the driver does not keep up, or is gone."""
        if len(blob) > LARGEST or not self._push():
            return False
        self._rest = LENGTH.pack(len(blob)) + blob
        self._push()
        return True

    def _push(self) -> bool:
        """Send what the socket takes of the rest; whether all has left."""
        try:
            while self._rest:
                self._rest = self._rest[self._sock.send(self._rest) :]
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._sock.close()
