"""Strangers who knock at a range of ports for as long as they are let."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Self

from tests.exchange.ranks import HERE

HELD = 100  # connections that are held open at once
SAID = (
    b"",
    b"\x00" * 5,
    b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    b"\xff" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"SDN1" * 26,
)


class Hostile:
    """A thread that connects to every port in turn, says something, or what it heard from another, and hangs on."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.made = 0
        """Connections so far."""
        self._ports, self._heard = ports, [b""]
        self._held: deque[socket.socket] = deque()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._knock)

    def learnt(self) -> set[int]:
        """The lengths of all that was ever said to a stranger; without refusals of TLS, of 7 bytes."""
        return {len(heard) for heard in self._heard} - {0, 7}

    def _knock(self) -> None:
        for i in count():
            if self._ends.is_set():
                return
            with suppress(OSError):
                sock = socket.create_connection((HERE, self._ports[i % len(self._ports)]), 0.2)
                self._held.append(sock)
                self.made += 1
                sock.settimeout(0.005)
                sock.sendall(SAID[i % len(SAID)] or self._heard[-1])
                self._heard.append(sock.recv(1000))
            if len(self._held) > HELD:
                self._held.popleft().close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        for sock in self._held:
            sock.close()
