"""A connection on its way: what lies between two ranks, and what it can do to their bytes."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

from tests.exchange.ranks import HERE

Change = Callable[[bytes, int], Iterable[bytes]]
"""(what came, how many bytes of this direction came before) -> what goes on, piece by piece."""
RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: closing sends a reset."""


class Proxy:
    """Takes connections for an address and carries them there. ``change`` is what becomes of the bytes; ``reset_at``: the
    byte behind which the connection is reset; while ``holds`` is set nothing is carried, and with ``deaf`` nobody new."""

    def __init__(self, target: tuple[str, int], change: Change | None = None, reset_at: int | None = None) -> None:
        self.target, self.change, self.reset_at = target, change or whole, reset_at
        self.holds, self.deaf = threading.Event(), threading.Event()
        self._listener = socket.create_server((HERE, 0))
        self.place = (HERE, int(self._listener.getsockname()[1]))
        self._ends: list[socket.socket] = []
        self._held: list[threading.Event] = []  # of each connection
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing comes through, as where packets are dropped."""
        self.deaf.set()
        self.holds.set()

    def half_open(self) -> None:
        """The connections that stand carry nothing more, as where a firewall forgot them; new ones do."""
        for held in self._held:
            held.set()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(here)
            if self.deaf.is_set():
                continue
            try:
                there = socket.create_connection(self.target, 2)
            except OSError:
                here.close()
                continue
            self._ends.append(there)
            held = threading.Event()
            self._held.append(held)
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._carry, args=(one, other, held), daemon=True).start()

    def _carry(self, source: socket.socket, to: socket.socket, held: threading.Event) -> None:
        count = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.holds.is_set() or held.is_set():
                    continue
                if self.reset_at is not None and count + len(data) > self.reset_at:
                    to.sendall(data[: self.reset_at - count])
                    return self._reset(source, to)
                for piece in self.change(data, count):
                    to.sendall(piece)
                count += len(data)
            to.shutdown(socket.SHUT_WR)
        return None

    def _reset(self, *ends: socket.socket) -> None:
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RD)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def whole(data: bytes, _: int) -> Iterable[bytes]:
    return (data,)
