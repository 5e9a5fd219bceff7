"""Ranks that have proved themselves are told for whom one waits; nobody else is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.inquiry import QUESTION, ROLE, ask
from spark_deepnet.exchange.sockets import SocketChannel
from spark_deepnet.exchange.waits import NOBODY, Wait
from tests.exchange.ranks import HERE, SECRET, identity

KEY = Credentials(SECRET, ROLE, "job")


@pytest.fixture
def channels() -> Iterator[list[SocketChannel]]:
    found = [SocketChannel(rank, 2, 20.0, HERE, Credentials(SECRET, "exchange", "job")) for rank in range(2)]
    with closing(found[0]), closing(found[1]):
        for channel in found:
            channel.rendezvous([one.here for one in found])
        yield found


def test_a_rank_tells_for_whom_it_waits_and_whom_it_hears(channels: list[SocketChannel]) -> None:
    channels[1]._waiting = (NOBODY, 0, 0.0)
    told = ask(channels[1].here, KEY, 0, 1, 0, 30.0)
    assert told is not None
    assert told.hears
    assert isinstance(told.wait, Wait)
    assert (told.wait.receives_from, list(told.wait.sent)) == (0, [0, 0])
    channels[0].close()
    told = ask(channels[1].here, KEY, 0, 1, 0, 30.0)
    assert told is not None
    assert not told.hears, "it is gone"


@pytest.mark.parametrize("third", [NOBODY, 1, 2, 10**6])
def test_a_question_may_be_of_any_rank(channels: list[SocketChannel], third: int) -> None:
    told = ask(channels[1].here, KEY, 0, 1, third, 30.0)
    assert told is not None
    assert told.hears == (third == 1)


@pytest.mark.parametrize(
    "key",
    [
        Credentials(b"another fit's secret", ROLE, "job"),
        Credentials(SECRET, ROLE, "job 1"),
        Credentials(SECRET, "report", "job"),
        Credentials(SECRET, ROLE, "job", identity()),
    ],
    ids=["secret", "job", "role", "tls"],
)  # fmt: skip
def test_strangers_are_told_nothing(channels: list[SocketChannel], key: Credentials) -> None:
    assert ask(channels[1].here, key, 0, 1, 0, 0.3) is None


@pytest.mark.parametrize("question", [b"", b"\0", QUESTION.pack(0) * 1000])
def test_a_question_that_is_none_harms_nobody(channels: list[SocketChannel], question: bytes) -> None:
    with dial(*channels[1].here, KEY, 0, 1, 20.0) as sock:
        sock.sendall(question)
    assert ask(channels[1].here, KEY, 0, 1, 0, 30.0) is not None
