"""Strangers who knock at a range of ports for as long as they are let."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from typing import Self

from tests.exchange.ranks import HERE

HELD = 100  # connections that are held open at once
NONSENSE = (b"", b"\0" * 5, b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 1000, b"\x16\x03\x01\x02\x00\x01\x00", b"SDN1" * 26)
ALERT = 7
"""Bytes by which TLS refuses."""


class Hostile:
    """A thread that connects to one port after the other, says something, or what was said to another, and hangs on."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.made = 0
        """Connections so far."""
        self._ports, self._heard = ports, [b"nothing yet"]
        self._held: deque[socket.socket] = deque()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._knock)

    def learnt(self) -> set[int]:
        """The lengths of all that was ever said to a stranger, but for refusals."""
        return {len(heard) for heard in self._heard[1:]} - {0, ALERT}

    def _knock(self) -> None:
        for port, said in zip(cycle(self._ports), cycle((*NONSENSE, None)), strict=False):
            if self._ends.is_set():
                return
            try:
                self._held.append(socket.create_connection((HERE, port), 0.2))
            except OSError:
                time.sleep(0.001)  # nobody listens there now
                continue
            self.made += 1
            with suppress(OSError):
                self._held[-1].sendall(self._heard[-1] if said is None else said)
            if len(self._held) > HELD:
                self._leave(self._held.popleft())

    def _leave(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            sock.setblocking(False)
            self._heard.append(sock.recv(1000))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        for sock in self._held:
            self._leave(sock)
