"""The listening end: one thread, one selector, however many strangers connect."""

from __future__ import annotations

import secrets
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.handshake import ANSWER, CHALLENGE, MAGIC, NONCE, Credentials
from spark_deepnet.exchange.link import WOULD_BLOCK
from spark_deepnet.exchange.tls import TlsSocket

HANDSHAKE_SECONDS = 5.0
"""Seconds that a new connection has for the handshake."""
MAX_PENDING = 64
"""Connections that may be in the handshake at once; when one more comes, the oldest is dropped."""


Admitted = Callable[[socket.socket, int], None]


class Acceptor:
    """Listens on one address only, never on all; ``admitted(socket, rank)`` is called in the acceptor's thread for
    every dialer that has proved itself. ``more``: other roles that dialers may have, with their keys. ``watch`` lets that
    thread read sockets on behalf of others."""

    def __init__(
        self, address: str, key: Credentials, rank: int, admitted: Admitted, ports: Iterable[int] = (0,),
        more: Sequence[tuple[Credentials, Admitted]] = (),
    ) -> None:  # fmt: skip
        self._listener = _listening(address, ports)
        self.host, self.port = address, int(self._listener.getsockname()[1])
        self._rank, self._roles = rank, ((key, admitted), *more)
        self._context = key.accepting
        self._pending: dict[_Pending, None] = {}  # in the order of arrival
        self._selector = selectors.DefaultSelector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self.watch(self._wake_receiver, self._stop)
        self.watch(self._listener, self._accept)
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"exchange acceptor {self.port}", daemon=True)
        self._thread.start()

    def watch(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call ready in the acceptor's thread whenever the socket can be read; closed with the acceptor."""
        self._selector.register(sock, selectors.EVENT_READ, ready)

    def leave(self, sock: socket.socket) -> None:
        """Stop watching a socket."""
        self._selector.unregister(sock)

    def close(self) -> None:
        """End the thread and close the sockets that it watches."""
        if self._thread.is_alive():
            self._wake_sender.send(b"x")
            self._thread.join()
        self._wake_sender.close()

    def _run(self) -> None:
        while self._open:
            oldest = next(iter(self._pending), None)
            for key, _ in self._selector.select(None if oldest is None else max(0.0, oldest.end - time.monotonic())):
                if (
                    self._selector.get_map().get(key.fd) is key
                ):  # otherwise an earlier event of this round has closed it
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
        if len(self._pending) >= MAX_PENDING:
            self._drop(next(iter(self._pending)))
        try:
            pending = _Pending(sock, self._context)
        except OSError:  # gone already
            sock.close()
            return
        self._pending[pending] = None
        self.watch(pending.sock, lambda: self._read(pending))

    def _read(self, pending: _Pending) -> None:
        if not pending.read():
            self._drop(pending)
        elif pending.complete:
            self._verify(pending)

    def _verify(self, pending: _Pending) -> None:
        for key, admitted in self._roles:
            verified = key.verify(bytes(pending.answer), self._rank, pending.challenge)
            if verified is not None and pending.say(verified[1]):
                self.leave(pending.sock)
                del self._pending[pending]
                admitted(pending.sock, verified[0])
                return
        self._drop(pending)

    def _drop(self, pending: _Pending) -> None:
        self.leave(pending.sock)
        del self._pending[pending]
        pending.sock.close()

    def _drop_late(self) -> None:
        now = time.monotonic()
        for pending in [k for k in self._pending if k.end <= now]:
            self._drop(pending)


class _Pending:
    """A connection that has not proved anything yet."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.end = sock, time.monotonic() + HANDSHAKE_SECONDS
        self.challenge = secrets.token_bytes(NONCE)
        self.answer, self._got = bytearray(ANSWER.size), 0
        self._shaking: TlsSocket | None = None
        if context is None:
            self._challenge()
        else:
            self.sock = self._shaking = TlsSocket(sock, context, server=True)

    def _challenge(self) -> None:
        self.say(CHALLENGE.pack(MAGIC, self.challenge))

    @property
    def complete(self) -> bool:
        return self._got == len(self.answer)

    def read(self) -> bool:
        """Read what has arrived, not a byte beyond the answer; returns whether the connection is still open."""
        try:
            if self._shaking is not None:
                self._shaking.do_handshake()
                self._shaking = None
                self._challenge()
            got = self.sock.recv_into(memoryview(self.answer)[self._got :])
        except WOULD_BLOCK:
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
