"""Hundreds of hostile connections, thousands of false answers: nothing is learnt, nothing is stopped."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import numpy as np
import pytest

from spark_deepnet.exchange import acceptor
from spark_deepnet.exchange.acceptor import MAX_PENDING, Acceptor
from spark_deepnet.exchange.handshake import ANSWER, CHALLENGE, MAGIC, Credentials, dial
from tests.exchange.hostile import Hostile
from tests.exchange.ranks import HERE, SECRET, identity, ports
from tests.train.fits import Rows, fit, plan_of

KEY = Credentials(SECRET, "exchange", "job 0")
FRAMES = 10_000
PORTS = ports(3)  # of as many ranks


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_300_hostile_connections_change_nothing(encrypted: bool) -> None:
    """A fit whose ranks meet anew for every step, again and again until there were so many strangers."""
    plan, dealt = plan_of(batch_size=30, epochs=3), Rows.drawn().dealt(20, 20, 20)
    alone = fit(plan, dealt)
    plan = replace(plan, ports=(PORTS[0], PORTS[-1]), identity=identity() if encrypted else b"", job_seconds=0.0)
    with Hostile(PORTS) as strangers:
        while strangers.made < 300:
            among = fit(plan, dealt, "sockets")
    assert among.jobs == 6
    np.testing.assert_array_equal(among.weights, alone.weights)
    assert among.losses() == alone.losses()
    assert strangers.learnt() <= {len(CHALLENGE.pack(MAGIC, b""))}


@pytest.fixture
def door() -> Iterator[tuple[Acceptor, list[int]]]:
    """An acceptor of rank 3 and the list of the ranks that it has let in."""
    ranks: list[int] = []
    with closing(Acceptor(HERE, KEY, 3, lambda sock, rank: ranks.append(rank) or sock.close())) as found:  # type: ignore[func-returns-value]
        yield found, ranks


def false_answers(seed: int, count: int) -> Iterator[bytes]:
    """True but for some bits, cut off, too long, for others, or nothing but noise; none of it for this challenge."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        challenge, nonce = rng.bytes(32), rng.bytes(32)
        answer = bytearray(KEY.answer(int(rng.integers(0, 5)), int(rng.integers(0, 5)), challenge, nonce))
        kind = rng.integers(0, 4)
        if kind == 0:
            answer[rng.integers(len(answer))] ^= 1 << rng.integers(8)
        elif kind == 1:
            answer = answer[: rng.integers(len(answer))]
        elif kind == 2:
            answer = bytearray(rng.bytes(int(rng.integers(1, 4 * ANSWER.size))))
        yield bytes(answer) + (rng.bytes(int(rng.integers(0, 2000))) if kind == 3 else b"")


def test_no_false_answer_of_10_000_convinces() -> None:
    rng = np.random.default_rng(0)
    whole = [answer[: ANSWER.size] for answer in false_answers(1, FRAMES) if len(answer) >= ANSWER.size]
    assert len(whole) > FRAMES / 3
    assert {KEY.verify(answer, 3, rng.bytes(32)) for answer in whole} == {None}


def test_10_000_false_answers_get_a_challenge_and_nothing_more(door: tuple[Acceptor, list[int]]) -> None:
    found, ranks = door
    before = threading.active_count()
    for answer in false_answers(2, FRAMES):
        with socket.create_connection((HERE, found.port), 5) as sock:
            heard = b""
            with suppress(OSError):  # it hangs up on what it has not read
                sock.sendall(answer)
                sock.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while more := sock.recv(1000):
                    heard += more
        assert len(heard) in (0, CHALLENGE.size)
    assert ranks == []
    assert threading.active_count() == before
    dial(HERE, found.port, KEY, 1, 3, 2.0).close()


def hung_up_on(sock: socket.socket) -> bool:
    sock.settimeout(0)
    with suppress(ConnectionResetError):
        try:
            while sock.recv(1000):
                pass
        except BlockingIOError:
            return False
    return True


def test_of_300_who_hold_their_connections_open_a_crowd_is_kept(
    door: tuple[Acceptor, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 60.0)
    found, _ = door
    with ExitStack() as held:
        socks = [held.enter_context(socket.create_connection((HERE, found.port), 5)) for _ in range(300)]
        end = time.monotonic() + 60
        while sum(map(hung_up_on, socks)) < 300 - MAX_PENDING and time.monotonic() < end:
            time.sleep(0.01)
        assert sum(map(hung_up_on, socks)) == 300 - MAX_PENDING
        assert len(found._pending) == MAX_PENDING
        dial(HERE, found.port, KEY, 1, 3, 5.0).close()
