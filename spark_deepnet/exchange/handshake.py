"""Two ends of a new connection prove to each other that they know the fit's secret, before any data is read.

The acceptor sends a fresh challenge; the dialer answers with its own nonce and HMAC-SHA256 over both, both ranks, its
side, the role of the connection and the job; the acceptor proves the same for its side. So neither a recorded answer
nor one's own reflected proof is worth anything, and a stranger learns nothing but random numbers (the challenge and
response of ISO/IEC 9798-4, mutual, in three passes). Where connections are encrypted, all of this goes through TLS.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from functools import cached_property

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange.descriptors import check_descriptors
from spark_deepnet.exchange.tls import TlsSocket, context_of

NONCE = PROOF = 32  # bytes
CHALLENGE = struct.Struct(f"<4s{NONCE}s")  # magic, the acceptor's nonce
ANSWER = struct.Struct(f"<4sII{NONCE}s{PROOF}s")  # magic, the dialer's rank, the acceptor's rank, nonce, proof
MAGIC = b"SDN1"
DIALER, ACCEPTOR = b"D", b"A"
MAX_ATTEMPTS = 6
MIN_SECRET_BYTES = 16


@dataclass(frozen=True)
class Credentials:
    """What both ends must know: the secret of the fit, the role of the connection and the job that it belongs to."""

    secret: bytes = field(repr=False)
    role: str
    job: str = ""
    identity: bytes = field(default=b"", repr=False)
    """The fit's key and certificate, as PEM, where connections are encrypted; empty: they are not."""

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ExchangeError(
                f"the secret of a fit must be at least {MIN_SECRET_BYTES} bytes long, found {len(self.secret)}"
            )

    @cached_property
    def dialing(self) -> ssl.SSLContext | None:
        """The TLS context of a dialer's end."""
        return context_of(self.identity, server=False) if self.identity else None

    @cached_property
    def accepting(self) -> ssl.SSLContext | None:
        """The TLS context of an acceptor's end."""
        return context_of(self.identity, server=True) if self.identity else None

    def proof(self, side: bytes, dialer: int, acceptor: int, challenge: bytes, nonce: bytes) -> bytes:
        """HMAC-SHA256 over all fields of the exchange, each but the last of fixed length or ended by a zero."""
        fields = side + struct.pack("<II", dialer, acceptor) + challenge + nonce
        return hmac.digest(self.secret, fields + self.role.encode() + b"\0" + self.job.encode(), "sha256")

    def answer(self, dialer: int, acceptor: int, challenge: bytes, nonce: bytes) -> bytes:
        """The dialer's message."""
        return ANSWER.pack(MAGIC, dialer, acceptor, nonce, self.proof(DIALER, dialer, acceptor, challenge, nonce))

    def verify(self, answer: bytes, acceptor: int, challenge: bytes) -> tuple[int, bytes] | None:
        """The dialer's rank and the acceptor's proof, or None where the answer is wrong."""
        magic, dialer, meant, nonce, proof = ANSWER.unpack(answer)
        right = self.proof(DIALER, dialer, acceptor, challenge, nonce)
        if not hmac.compare_digest(proof, right) or magic != MAGIC or meant != acceptor:
            return None
        return dialer, self.proof(ACCEPTOR, dialer, acceptor, challenge, nonce)


def dial(host: str, port: int, key: Credentials, rank: int, peer: int, deadline: float) -> socket.socket:
    """Return an authenticated connection to the peer, or raise a LostPeerError where nobody accepts one. A connection that
    is dropped in the handshake is tried again: too many strangers at the acceptor can push one out."""
    end = time.monotonic() + deadline
    for attempt in range(MAX_ATTEMPTS):
        sock = _connected(host, port, end)
        try:
            if key.dialing is not None:
                sock = _encrypted(sock, key.dialing)
            _prove(sock, key, rank, peer, end)
            return sock
        except (ConnectionError, TimeoutError, ssl.SSLEOFError) as error:
            sock.close()
            reason = error
        except ssl.SSLError as error:
            sock.close()
            raise ExchangeError(
                f"what answers at {host}:{port} does not bear the fit's certificate ({error})"
            ) from None
        except BaseException:
            sock.close()
            raise
        pause = 0.05 * 2**attempt
        if time.monotonic() + pause >= end:
            break
        time.sleep(pause)
    raise ExchangeError(f"{host}:{port} does not let us in ({reason}); is it frozen, or of another fit?")


def _connected(host: str, port: int, end: float) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout=_left(end))
    except OSError as error:
        check_descriptors(error)
        raise LostPeerError(f"cannot reach {host}:{port} ({error}); is it alive, and is no firewall between?") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _encrypted(sock: socket.socket, context: ssl.SSLContext) -> socket.socket:
    """The socket in TLS, within its timeout."""
    encrypted = TlsSocket(sock, context, server=False)
    try:
        encrypted.do_handshake()
    except BaseException:
        encrypted.close()
        raise
    return encrypted


def _prove(sock: socket.socket, key: Credentials, rank: int, peer: int, end: float) -> None:
    magic, challenge = CHALLENGE.unpack(exactly(sock, CHALLENGE.size, end))
    nonce = secrets.token_bytes(NONCE)
    sock.sendall(key.answer(rank, peer, challenge, nonce))
    right = key.proof(ACCEPTOR, rank, peer, challenge, nonce)
    if not hmac.compare_digest(exactly(sock, PROOF, end), right) or magic != MAGIC:
        raise ExchangeError("what answers at {}:{} does not know the fit's secret".format(*sock.getpeername()[:2]))


def exactly(sock: socket.socket, count: int, end: float) -> bytes:
    """The next ``count`` bytes of a connection; ConnectionError where it ends before them, TimeoutError where they come
    later than ``end``."""
    received = b""
    while len(received) < count:
        sock.settimeout(_left(end))
        more = sock.recv(count - len(received))
        if not more:
            raise ConnectionError("it dropped the connection")
        received += more
    return received


def _left(end: float) -> float:
    """Seconds until then, never 0, which would mean not to wait at all."""
    return max(0.001, end - time.monotonic())
