"""TLS 1.3 under the handshake of a fit: both ends show the fit's certificate, and neither takes another."""

from __future__ import annotations

import socket
import ssl
from tempfile import NamedTemporaryFile
from typing import Any

from spark_deepnet.exchange.link import Incoming, Outgoing

RECORD_BYTES = 1 << 14
"""Bytes of a TLS record."""
CHUNK_BYTES = 1 << 17
"""Bytes that are encrypted, or taken from the system, at once. OpenSSL over a socket makes two or three system calls for
each record."""


def context_of(identity: bytes, server: bool) -> ssl.SSLContext:
    """The TLS context of one end; ``identity``: the fit's key and certificate, as PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate is for the fit, not for a host
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity.decode())
    if server:
        context.num_tickets = 0  # a connection is made once
    with NamedTemporaryFile() as file:  # keys can only be read from files; only this user can read this one
        file.write(identity)
        file.flush()
        context.load_cert_chain(file.name)
    return context


class TlsSocket(socket.socket):
    """A connection in TLS, which takes over the socket. It keeps at most one chunk that is encrypted but not sent: as with
    ssl.SSLSocket, a ``send`` that would block wants the same bytes again. Unlike there, bytes may wait in it that no
    poll tells, so a reader reads until it would block."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server: bool) -> None:
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.settimeout(timeout)
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_side=server)
        self._encrypted = memoryview(b"")  # not sent yet
        self._taken = 0  # bytes of the caller's within it
        self._room = memoryview(bytearray(CHUNK_BYTES))

    def do_handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                self._flush()  # the alert, by which the other end learns why
                raise
        self._flush()

    def send(self, data: Any, flags: int = 0) -> int:
        """Encrypt a chunk and send all of it; returns its bytes."""
        if not self._taken:
            self._taken = self._tls.write(memoryview(data)[:CHUNK_BYTES])
        self._flush()
        taken, self._taken = self._taken, 0
        return taken

    def sendall(self, data: Any, flags: int = 0) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Decrypt what has arrived; 0 at the end of the connection."""
        out, got = memoryview(buffer)[: nbytes or None], 0
        while got < len(out):
            try:
                count = int(self._tls.read(len(out) - got, out[got:]))  # type: ignore[arg-type]
            except ssl.SSLWantReadError:
                if got:
                    break
                self._fill()  # even while the other end takes nothing: it may be sending too
                continue
            except ssl.SSLEOFError:
                break
            if not count:
                break
            got += count
        return got

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        buffer = bytearray(min(bufsize, CHUNK_BYTES))
        return bytes(buffer[: self.recv_into(buffer)])

    def _in_the_clear(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("a TlsSocket sends and receives through TLS alone")

    sendmsg = sendto = sendfile = recvmsg = recvmsg_into = recvfrom = recvfrom_into = dup = makefile = _in_the_clear

    def _fill(self) -> None:
        """Take what the system has."""
        count = super().recv_into(self._room)
        if count:
            self._arrived.write(self._room[:count])
        else:
            self._arrived.write_eof()

    def _flush(self) -> None:
        while self._encrypted or self._leaving.pending:
            if not self._encrypted:
                self._encrypted = memoryview(self._leaving.read())
            self._encrypted = self._encrypted[super().send(self._encrypted) :]


class TlsOutgoing(Outgoing):
    """A message being sent; the header leaves in one record with the first of the payload."""

    def _give(self, at: int) -> int:
        if at < 0:
            return self.sock.send(self._header[at:] + bytes(self._data[: RECORD_BYTES + at]))
        return self.sock.send(self._data[at : at + CHUNK_BYTES])


class TlsIncoming(Incoming):
    """A message being received; what a record brings beyond the header waits within the socket, which no poll tells:
    it is taken before anybody sleeps, because a move that takes nothing has found nothing there."""

    def _take(self, at: int) -> int:
        return self.sock.recv_into(memoryview(self._header)[at:] if at < 0 else self._out[at : at + CHUNK_BYTES])
