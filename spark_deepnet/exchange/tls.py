"""TLS 1.3 under the handshake of a fit: both ends show the fit's certificate, and neither takes another."""

from __future__ import annotations

import ssl
from tempfile import NamedTemporaryFile

from spark_deepnet.exchange.link import CHUNK_BYTES, Incoming, Outgoing

RECORD_BYTES = 1 << 14
"""Bytes of a TLS record."""


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
