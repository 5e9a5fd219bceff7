"""Strangers at the door: refused without harm to the ranks that know the secret."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, closing

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange import acceptor
from spark_deepnet.exchange.acceptor import MAX_PENDING, Acceptor
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.handshake import ACCEPTOR, ANSWER, CHALLENGE, MAGIC, Credentials, dial
from tests.exchange.ranks import HERE, SECRET, results

KEY = Credentials(SECRET, "exchange", "job 0")
NONCE = b"n" * 32
NONSENSE = (b"", b"\x00" * 5, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\xff" * 10_000)


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """An acceptor of rank 3 and the list of the ranks that it has let in."""
    ranks: list[int] = []

    def admit(sock: socket.socket, rank: int) -> None:
        ranks.append(rank)
        sock.close()

    with closing(Acceptor(HERE, KEY, 3, admit)) as door:
        yield door, ranks


def knocked(door: Acceptor) -> tuple[socket.socket, bytes]:
    """A new connection and the challenge that it got."""
    sock = socket.create_connection((HERE, door.port), timeout=20)
    magic, challenge = CHALLENGE.unpack(sock.recv(CHALLENGE.size, socket.MSG_WAITALL))
    assert magic == MAGIC
    return sock, challenge


def verdict(sock: socket.socket, answer: bytes) -> bytes:
    """What the acceptor says to an answer; nothing where it hangs up."""
    with sock:
        sock.sendall(answer)
        try:
            return sock.recv(100, socket.MSG_WAITALL)
        except ConnectionError:
            return b""


def soon(ranks: list[int]) -> list[int]:
    """The ranks let in, once there are any: the acceptor's thread notes them after its proof has left."""
    end = time.monotonic() + 60
    while not ranks and time.monotonic() < end:
        time.sleep(0.001)
    return ranks


def test_who_knows_the_secret_is_let_in_and_gets_a_proof(admitted) -> None:  # type: ignore[no-untyped-def]
    door, ranks = admitted
    sock, challenge = knocked(door)
    found = verdict(sock, KEY.answer(1, 3, challenge, NONCE))
    assert found == KEY.proof(ACCEPTOR, 1, 3, challenge, NONCE)
    assert soon(ranks) == [1]


def test_a_recorded_answer_is_worth_nothing(admitted) -> None:  # type: ignore[no-untyped-def]
    door, ranks = admitted
    sock, challenge = knocked(door)
    answer = KEY.answer(1, 3, challenge, NONCE)
    assert verdict(sock, answer)
    assert verdict(knocked(door)[0], answer) == b""
    assert soon(ranks) == [1]


@pytest.mark.parametrize(
    "key",
    [
        Credentials(b"another fit's secret", KEY.role, KEY.job),
        Credentials(SECRET, "report", KEY.job),
        Credentials(SECRET, KEY.role, "job 1"),
    ],
    ids=["secret", "role", "job"],
)
def test_another_secret_role_or_job_is_refused(admitted, key: Credentials) -> None:  # type: ignore[no-untyped-def]
    door, ranks = admitted
    sock, challenge = knocked(door)
    assert verdict(sock, key.answer(1, 3, challenge, NONCE)) == b""
    with pytest.raises(ExchangeError, match="does not let us in"):
        dial(HERE, door.port, key, 1, 3, 0.2)
    assert ranks == []


def test_an_answer_for_another_rank_or_with_a_reflected_proof_is_refused(admitted) -> None:  # type: ignore[no-untyped-def]
    door, ranks = admitted
    sock, challenge = knocked(door)
    assert verdict(sock, KEY.answer(1, 2, challenge, NONCE)) == b""
    sock, challenge = knocked(door)
    reflected = KEY.proof(ACCEPTOR, 1, 3, challenge, NONCE)
    assert verdict(sock, ANSWER.pack(MAGIC, 1, 3, NONCE, reflected)) == b""
    assert ranks == []


def test_a_false_acceptor_is_found_out() -> None:
    with socket.create_server((HERE, 0)) as server:

        def pretend() -> None:
            sock, _ = server.accept()
            with sock:
                sock.sendall(CHALLENGE.pack(MAGIC, NONCE))
                sock.recv(ANSWER.size, socket.MSG_WAITALL)
                sock.sendall(b"p" * 32)

        thread = threading.Thread(target=pretend)
        thread.start()
        with pytest.raises(ExchangeError, match="does not know the fit's secret"):
            dial(HERE, server.getsockname()[1], KEY, 0, 1, 1.0)
        thread.join()


def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch, admitted) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.1)
    sock, _ = knocked(admitted[0])
    with sock:
        start = time.monotonic()
        assert sock.recv(1) == b""
        assert time.monotonic() - start < 4


def test_a_crowd_pushes_the_oldest_out(monkeypatch: pytest.MonkeyPatch, admitted) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(acceptor, "MAX_PENDING", 3)
    with ExitStack() as held:
        socks = [held.enter_context(knocked(admitted[0])[0]) for _ in range(4)]
        assert socks[0].recv(1) == b""
        socks[1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            socks[1].recv(1)


@pytest.mark.parametrize("claimed", [0, 2], ids=["one that is here already", "one that must be dialled"])
def test_nobody_takes_the_place_of_a_rank(claimed: int) -> None:
    def job(channel: Channel) -> float:
        all_reduce, vector = AllReduce(channel), np.ones(10, np.float32)
        all_reduce(vector)
        if channel.rank == 1:
            with dial(*channel.here, KEY, claimed, 1, 20.0) as second:  # type: ignore[attr-defined]
                assert second.recv(1) == b""
        all_reduce(vector)
        return float(vector[0])

    assert results("sockets", 3, job) == [9.0] * 3


@pytest.mark.parametrize("crowd", [50, 2 * MAX_PENDING + 10])
def test_strangers_do_not_disturb(crowd: int) -> None:
    def job(channel: Channel) -> float:
        with ExitStack() as held:
            for i in range(crowd):
                stranger = held.enter_context(socket.create_connection(channel.here, timeout=20))  # type: ignore[attr-defined]
                if message := NONSENSE[i % len(NONSENSE)]:
                    stranger.sendall(message)
            vector = np.full(1000, channel.rank, np.float32)
            AllReduce(channel)(vector)
            return float(vector.sum())

    assert results("sockets", 3, job) == [3000.0] * 3


def test_a_rank_of_another_fit_is_refused_and_the_fit_goes_on() -> None:
    def job(channel: Channel) -> float:
        with pytest.raises(ExchangeError, match="does not let us in"):
            dial(*channel.here, Credentials(b"another fit's secret", KEY.role, KEY.job), 0, channel.rank, 0.3)  # type: ignore[attr-defined]
        vector = np.ones(10, np.float32)
        AllReduce(channel)(vector)
        return float(vector[0])

    assert results("sockets", 3, job) == [3.0] * 3


def test_the_secret_is_not_printed() -> None:
    assert "secret" not in repr(KEY)
