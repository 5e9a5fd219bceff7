"""One message on its way out of, or into, a non-blocking socket: a header of 12 bytes, then the vector's bytes."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Sequence

from spark_deepnet.exchange.channel import Channel

HEADER = struct.Struct("<4sQ")  # magic, length
MAGIC = b"SDX1"
CHUNK_BYTES = 1 << 18
"""Bytes of one system call: what the receiver copies is then still in the sender's cache."""
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Raised by a non-blocking socket that has to wait."""


class Outgoing:
    """A message being sent; header and payload leave in one system call where the socket takes them."""

    event = select.POLLOUT

    def __init__(self, sock: socket.socket, peer: int, data: memoryview) -> None:
        self.sock, self.peer, self._data = sock, peer, data
        self._header = HEADER.pack(MAGIC, len(data))
        self.at, self.end = -HEADER.size, len(data)

    def move(self) -> bool:
        """Send what the socket takes now; returns whether that was anything."""
        try:
            self.at += self._give(self.at)
        except WOULD_BLOCK:
            return False
        return True

    def _give(self, at: int) -> int:
        if at < 0:
            return self.sock.sendmsg((self._header[at:], self._data[:CHUNK_BYTES]))
        return self.sock.send(self._data[at : at + CHUNK_BYTES])


class Incoming:
    """A message being received straight into the vector."""

    event = select.POLLIN

    def __init__(self, sock: socket.socket, peer: int, out: memoryview, channel: Channel) -> None:
        self.sock, self.peer, self._out, self._channel = sock, peer, out, channel
        self._header = bytearray(HEADER.size)
        self.at, self.end = -HEADER.size, len(out)

    def move(self) -> bool:
        """Receive what has arrived; returns whether that was anything."""
        at = self.at
        try:
            got = self._take(at)
        except WOULD_BLOCK:
            return False
        if got == 0:
            raise ConnectionError
        self.at = at + got
        if at < 0 <= self.at:
            self._check()
        return True

    def _take(self, at: int) -> int:
        if at < 0:
            return self.sock.recvmsg_into((memoryview(self._header)[at:], self._out[:CHUNK_BYTES]))[0]
        return self.sock.recv_into(self._out[at : at + CHUNK_BYTES])

    def _check(self) -> None:
        magic, length = HEADER.unpack(self._header)
        if magic != MAGIC or length != self.end:
            raise self._channel.length_error(self.peer, length if magic == MAGIC else "no header", self.end)


class Sends:
    """Messages to one peer, one behind the other, while others come in."""

    def __init__(self, messages: Sequence[Outgoing]) -> None:
        self._messages, self._done = messages, 0

    @property
    def num_started(self) -> int:
        """Messages that are sent, with the one on its way."""
        return min(self._done + 1, len(self._messages))

    def moving(self, number: int, incoming: Incoming) -> list[Outgoing | Incoming]:
        """What is still to be moved until ``incoming`` is whole and our message of this number is sent: later ones leave
        meanwhile, but are not waited for."""
        while self._done < len(self._messages) and self._messages[self._done].at == self._messages[self._done].end:
            self._done += 1
        if incoming.at < incoming.end:
            return [*self._messages[self._done : self._done + 1], incoming]
        return [] if self._done > number else [self._messages[self._done]]
