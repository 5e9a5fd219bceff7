"""Encrypted connections: as good as plain ones to ranks of the fit, closed to all others, unreadable on the way."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import numpy as np
import pytest

from spark_deepnet.errors import ClusterError, ExchangeError
from spark_deepnet.exchange import acceptor
from spark_deepnet.exchange.acceptor import MAX_PENDING, Acceptor
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.certificate import made_identity
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.link import Incoming, Outgoing
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.exchange.report import LENGTH, Listener, Reporter
from spark_deepnet.exchange.tls import CHUNK_BYTES, RECORD_BYTES, TlsIncoming, TlsOutgoing, TlsSocket, context_of
from tests.exchange.ranks import HERE, SECRET, identity, results
from tests.train.fits import N, Rows, fit, plan_of

PLAIN = Credentials(SECRET, "exchange", "job 0")


@pytest.fixture
def key() -> Credentials:
    return replace(PLAIN, identity=identity())


@pytest.fixture
def door(key: Credentials) -> Iterator[Acceptor]:
    with closing(Acceptor(HERE, key, 1, lambda sock, _: sock.close())) as found:
        yield found


def test_a_fit_ends_with_the_same_bits() -> None:
    plan, dealt = plan_of(batch_size=16), Rows.drawn().dealt(25, 0, N - 25)
    encrypted = fit(replace(plan, identity=identity()), dealt, "sockets")
    np.testing.assert_array_equal(encrypted.weights, fit(plan, dealt).weights)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("length", [1, RECORD_BYTES // 4 - 3, RECORD_BYTES // 4 - 2, 300_001])
def test_sums_of_all_lengths(size: int, length: int) -> None:
    def job(channel: Channel) -> np.ndarray:
        vector = np.arange(length, dtype=np.float32) * (channel.rank + 1)
        for _ in range(2):
            AllReduce(channel)(vector)
        return vector

    expected = np.arange(length, dtype=np.float32) * (size * size * (size + 1) / 2)
    for found in results("tls", size, job):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


class Ear:
    """Stands between a dialer and an acceptor and keeps what passes."""

    def __init__(self, port: int) -> None:
        self.heard, self.spoils = bytearray(), False
        self._listener = socket.create_server((HERE, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._pass_on, args=(port,))
        self._thread.start()

    def _pass_on(self, port: int) -> None:
        there = socket.create_connection((HERE, port))
        with self._listener, self._listener.accept()[0] as here, there:
            back = threading.Thread(target=self._carry, args=(there, here))
            back.start()
            self._carry(here, there)
            back.join()

    def _carry(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):  # the other end is gone
            while data := source.recv(1 << 16):
                self.heard += data
                to.sendall(data[:-1] + bytes([data[-1] ^ self.spoils]))
            to.shutdown(socket.SHUT_WR)

    def ended(self) -> bytes:
        self._thread.join()
        return bytes(self.heard)


@pytest.mark.parametrize("encrypted", [True, False])
def test_who_listens_on_the_way_reads_nothing(encrypted: bool, key: Credentials) -> None:
    told: list[bytes] = []
    done = threading.Event()

    def hear(message: bytes) -> None:
        told.append(message)
        done.set()

    shown = key.identity if encrypted else b""
    with closing(Listener(HERE, SECRET, hear, identity=shown)) as listener:
        ear = Ear(listener.port)
        with closing(Reporter(HERE, ear.port, SECRET, 20.0, shown)) as reporter:
            assert reporter.send(b"the loss is 0.25")
            assert done.wait(60)
        heard = ear.ended()
    assert told == [b"the loss is 0.25"]
    assert (b"the loss" in heard) != encrypted


@pytest.mark.parametrize("encrypted", [True, False])
def test_what_is_changed_on_the_way_is_not_taken(encrypted: bool, key: Credentials) -> None:
    told: list[bytes] = []
    shown = key.identity if encrypted else b""
    with closing(Listener(HERE, SECRET, told.append, identity=shown)) as listener:
        ear = Ear(listener.port)
        with closing(Reporter(HERE, ear.port, SECRET, 20.0, shown)) as reporter:
            ear.spoils = True
            assert reporter.send(b"the loss is 0.25")
            end = time.monotonic() + 60
            while not told and ear._thread.is_alive() and time.monotonic() < end:
                time.sleep(0.01)
                reporter.send(b"")
        ear.ended()
    assert told[:1] == ([] if encrypted else [b"the loss is 0.24"])


def test_the_certificate_of_another_fit_is_refused_by_the_dialer(door: Acceptor, key: Credentials) -> None:
    with pytest.raises(ExchangeError, match="does not bear the fit's certificate"):
        dial(HERE, door.port, replace(key, identity=made_identity()), 0, 1, 20.0)


@pytest.mark.parametrize("shown", ["none", "another"])
def test_who_shows_no_certificate_or_another_is_refused_by_the_acceptor(
    door: Acceptor, key: Credentials, shown: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if shown == "none" else context_of(made_identity(), False)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # would take any acceptor
    with (
        context.wrap_socket(socket.create_connection((HERE, door.port), 20)) as sock,
        pytest.raises(ssl.SSLError, match=r"alert|certificate"),
    ):
        sock.recv(1)


def test_without_the_secret_the_certificate_is_not_enough(door: Acceptor, key: Credentials) -> None:
    with pytest.raises(ExchangeError, match="does not let us in"):
        dial(HERE, door.port, replace(key, secret=b"another fit's secret"), 0, 1, 0.2)


@pytest.mark.parametrize("encrypted", [True, False], ids=["acceptor", "dialer"])
def test_one_side_alone_cannot_speak_in_the_clear(encrypted: bool, key: Credentials) -> None:
    ways = [key, PLAIN] if encrypted else [PLAIN, key]
    with (
        closing(Acceptor(HERE, ways[0], 1, lambda sock, _: sock.close())) as found,
        pytest.raises(ExchangeError, match=r"does not let us in|does not bear the fit's certificate"),
    ):
        dial(HERE, found.port, ways[1], 0, 1, 0.2)


def test_who_stops_in_the_middle_is_sent_away(monkeypatch: pytest.MonkeyPatch, key: Credentials) -> None:
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.1)
    with closing(Acceptor(HERE, key, 1, lambda sock, _: sock.close())) as found:
        for begun in (b"", b"\x16\x03\x01\x02\x00\x01"):  # nothing, and the first bytes of a greeting
            with socket.create_connection((HERE, found.port), 20) as sock:
                sock.sendall(begun)
                start = time.monotonic()
                assert sock.recv(1) == b""
                assert time.monotonic() - start < 4


def test_a_crowd_of_strangers_does_not_disturb() -> None:
    nonsense = (b"", b"\x00" * 5, b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 10_000)

    def job(channel: Channel) -> float:
        with ExitStack() as held:
            for i in range(2 * MAX_PENDING):
                stranger = held.enter_context(socket.create_connection(channel.here, timeout=20))  # type: ignore[attr-defined]
                stranger.sendall(nonsense[i % len(nonsense)])
            vector = np.full(1000, channel.rank, np.float32)
            AllReduce(channel)(vector)
            return float(vector.sum())

    assert results("tls", 3, job) == [3000.0] * 3


def test_certificates_want_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ClusterError, match=r"encryption: .*cryptography.*spark_deepnet\[tls\].*'off'"):
        made_identity()


@pytest.fixture
def pair(key: Credentials) -> Iterator[list[TlsSocket]]:
    """Both ends of a connection whose buffers hold less than a chunk."""
    ends = socket.socketpair()
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        end.settimeout(20)
    assert key.dialing is not None
    assert key.accepting is not None
    joined = [TlsSocket(ends[0], key.dialing, False), TlsSocket(ends[1], key.accepting, True)]
    threads = [threading.Thread(target=end.do_handshake) for end in joined]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with joined[0], joined[1]:
        yield joined


def test_two_that_send_at_once_read_meanwhile(pair: list[TlsSocket]) -> None:
    sent = [bytes([number]) * (5 * CHUNK_BYTES + 7) for number in (1, 2)]
    received = [bytearray(len(sent[0])) for _ in pair]
    moving: list[Outgoing | Incoming] = []
    channel = NullChannel(0, 2)
    for end, data, room in zip(pair, sent, received, strict=True):
        end.setblocking(False)
        moving += [TlsOutgoing(end, 1, memoryview(data)), TlsIncoming(end, 1, memoryview(room), channel)]
    while moving:
        moved = [message.move() for message in moving]
        assert any(moved)
        moving = [message for message in moving if message.at < message.end]
    assert [bytes(room) for room in received] == sent[::-1]


@pytest.mark.parametrize(
    "way", ["sendmsg", "sendto", "sendfile", "recvmsg", "recvmsg_into", "recvfrom", "recvfrom_into", "dup", "makefile"]
)
def test_no_way_leads_past_the_encryption(pair: list[TlsSocket], way: str) -> None:
    with pytest.raises(NotImplementedError, match="through TLS alone"):
        getattr(pair[0], way)([b"in the clear"])


def test_the_end_of_a_connection_is_no_data(pair: list[TlsSocket]) -> None:
    pair[0].sendall(b"last")
    pair[0].close()
    assert [pair[1].recv(3), pair[1].recv(3), pair[1].recv(3), pair[1].recv_into(bytearray(2))] == [
        b"las",
        b"t",
        b"",
        0,
    ]


def test_messages_that_arrive_at_once_are_all_read(key: Credentials) -> None:
    told: list[bytes] = []
    done = threading.Event()

    def hear(message: bytes) -> None:
        told.append(message)
        if len(told) == 3:
            done.set()

    with closing(Listener(HERE, SECRET, hear, identity=key.identity)) as listener:
        messages = [bytes([number]) * 50_000 for number in range(3)]
        with dial(HERE, listener.port, replace(key, role="report", job=""), 1, 0, 20.0) as sock:
            sock.sendall(b"".join(LENGTH.pack(len(message)) + message for message in messages))
            assert done.wait(60)
    assert told == messages


def test_the_key_is_not_printed(key: Credentials) -> None:
    assert "PRIVATE" not in repr(key)
    assert "PRIVATE" not in repr(replace(plan_of(), identity=key.identity))
