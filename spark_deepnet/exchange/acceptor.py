"""The listening end: one thread, one selector, however many strangers knock."""

from __future__ import annotations

import secrets
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.handshake import ANSWER, CHALLENGE, MAGIC, NONCE, Pass
from spark_deepnet.exchange.link import BLOCKED

PATIENCE = 5.0
"""Seconds that a stranger has for the handshake."""
CROWD = 64
"""How many may be in the handshake at once; one more pushes the oldest out."""


Admitted = Callable[[socket.socket, int], None]


class Acceptor:
    """Listens on one address only, never on all; ``admitted(socket, rank)`` is called in the acceptor's thread for
    every dialer that has proved itself. ``more``: what else dialers may come for, by keys of other roles. ``watch`` lets
    that thread read sockets on behalf of others."""

    def __init__(
        self, address: str, key: Pass, rank: int, admitted: Admitted, ports: Iterable[int] = (0,),
        more: Sequence[tuple[Pass, Admitted]] = (),
    ) -> None:  # fmt: skip
        self._listener = _listening(address, ports)
        self.host, self.port = address, int(self._listener.getsockname()[1])
        self._rank, self._doors = rank, ((key, admitted), *more)
        self._context = key.accepting
        self._crowd: dict[_Knock, None] = {}  # in the order of arrival
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self.watch(self._bell, self._stop)
        self.watch(self._listener, self._accept)
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"exchange acceptor {self.port}", daemon=True)
        self._thread.start()

    def watch(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call ready in the acceptor's thread whenever the socket can be read; closed with the acceptor."""
        self._selector.register(sock, selectors.EVENT_READ, ready)

    def leave(self, sock: socket.socket) -> None:
        """Watch a socket no more."""
        self._selector.unregister(sock)

    def close(self) -> None:
        """End the thread and close all that it watches."""
        if self._thread.is_alive():
            self._rope.send(b"x")
            self._thread.join()
        self._rope.close()

    def _run(self) -> None:
        while self._open:
            oldest = next(iter(self._crowd), None)
            for key, _ in self._selector.select(None if oldest is None else max(0.0, oldest.end - time.monotonic())):
                if self._selector.get_map().get(key.fd) is key:  # else an earlier event of this round has closed it
                    key.data()
            self._drop_late()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _stop(self) -> None:
        self._open = False

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            time.sleep(0.05)  # no descriptor left, say: the listener stays readable, and this thread must not spin
            return
        if len(self._crowd) >= CROWD:
            self._drop(next(iter(self._crowd)))
        try:
            knock = _Knock(sock, self._context)
        except OSError:  # gone already
            sock.close()
            return
        self._crowd[knock] = None
        self.watch(knock.sock, lambda: self._hear(knock))

    def _hear(self, knock: _Knock) -> None:
        if not knock.read():
            self._drop(knock)
        elif knock.complete:
            self._judge(knock)

    def _judge(self, knock: _Knock) -> None:
        for key, admitted in self._doors:
            verdict = key.judge(bytes(knock.answer), self._rank, knock.challenge)
            if verdict is not None and knock.say(verdict[1]):
                self.leave(knock.sock)
                del self._crowd[knock]
                admitted(knock.sock, verdict[0])
                return
        self._drop(knock)

    def _drop(self, knock: _Knock) -> None:
        self.leave(knock.sock)
        del self._crowd[knock]
        knock.sock.close()

    def _drop_late(self) -> None:
        now = time.monotonic()
        for knock in [k for k in self._crowd if k.end <= now]:
            self._drop(knock)


class _Knock:
    """A connection that has proved nothing yet."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.end = sock, time.monotonic() + PATIENCE
        self.challenge = secrets.token_bytes(NONCE)
        self.answer, self._got = bytearray(ANSWER.size), 0
        self._shaking: ssl.SSLSocket | None = None
        if context is None:
            self._challenge()
        else:
            self.sock = self._shaking = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    def _challenge(self) -> None:
        self.say(CHALLENGE.pack(MAGIC, self.challenge))

    @property
    def complete(self) -> bool:
        return self._got == len(self.answer)

    def read(self) -> bool:
        """Take what has come, not a byte beyond the answer; whether the connection still lives."""
        try:
            if self._shaking is not None:
                self._shaking.do_handshake()
                self._shaking = None
                self._challenge()
            got = self.sock.recv_into(memoryview(self.answer)[self._got :])
        except BLOCKED:
            return True
        except OSError:
            return False
        self._got += got
        return got > 0

    def say(self, message: bytes) -> bool:
        try:
            return self.sock.send(message) == len(message)
        except OSError:
            return False


def _listening(address: str, ports: Iterable[int]) -> socket.socket:
    """A listener on the first free port of the address."""
    reason: object = "no port given"
    for port in (tried := list(ports)):
        sock = None
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
            if place[0] in ("", "0.0.0.0", "::"):
                raise ExchangeError(f"a rank listens on one address only, found {address!r}: give the task's own")
            sock = socket.socket(family, kind, protocol)
            if port:  # connections that have ended a moment ago do not hold a port of a range; a listener does
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(128)
            sock.setblocking(False)
            return sock
        except OSError as error:
            reason = error
            if sock is not None:
                sock.close()
    where = f", on none of the ports {tried[0]} to {tried[-1]}" if any(tried) else ""
    raise ExchangeError(f"cannot listen on {address!r}{where}: {reason}")
