"""Whom a rank names that has waited too long: never one that waits itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange import watchdog
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.handshake import Credentials
from spark_deepnet.exchange.memory import MemoryChannel, memory_channels
from spark_deepnet.exchange.sockets import SocketChannel
from spark_deepnet.exchange.waits import NOBODY, Cut, Wait, Works, cause
from tests.exchange.proxy import Proxy
from tests.exchange.ranks import HERE, SECRET, identity

pytestmark = pytest.mark.long
RANKS, DEADLINE = 4, 5.0
LONG = 10.0
TWO = (1, 2)
"""Those who are cut off from each other."""


def wait(receives_from: int, sends_to: int = NOBODY, quiet: float = LONG, sent: Any = (), received: Any = ()) -> Wait:
    """sent and received: ranks, once for each message."""
    counts = [[list(ranks).count(rank) for rank in range(RANKS)] for ranks in (sent, received)]
    return Wait(sends_to, receives_from, quiet, *counts)


WORKS = wait(NOBODY)
CASES: dict[str, tuple[list[Wait | None], Any]] = {
    "the peer works": ([wait(1), WORKS, WORKS, WORKS], Works(1)),
    "the peer waits for one who works": ([wait(1), wait(2), wait(3), WORKS], Works(3)),
    "the peer's peer moves bytes": ([wait(1), wait(2), wait(3, quiet=0.1), WORKS], Works(2)),
    "the peer has sent it": ([wait(1), wait(2, sent=[0]), WORKS, WORKS], Cut(1, 0)),
    "what was sent has come": ([wait(1, received=[1]), wait(2, sent=[0]), WORKS, WORKS], Works(2)),
    "two others": ([wait(1), wait(2), wait(3, sent=[1]), WORKS], Cut(2, 1)),
    "around a ring": ([wait(3, sent=[1]), wait(0, received=[0], sent=[2]), wait(1), wait(2)], Cut(1, 2)),
    "one that cannot send": ([wait(NOBODY, 1), wait(2), wait(NOBODY, 1, sent=[1]), WORKS], Cut(2, 1)),
    "one that sends to one who works": ([wait(NOBODY, 1), WORKS, WORKS, WORKS], Works(1)),
    "a circle": ([wait(1), wait(2), wait(0), WORKS], None),
    "one does not answer": ([wait(1), wait(2), None, WORKS], None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_chain_of_those_who_wait_has_an_end(case: str) -> None:
    told, found = CASES[case]
    assert told[0] is not None
    assert cause(0, told[0], told.__getitem__, LONG / 2) == found


class Leaky(SimpleQueue):  # type: ignore[type-arg]
    """A mailbox that loses what it gets."""

    def put(self, *_: Any) -> None:
        pass


def in_threads(channels: list[Channel], cut: Callable[[], None]) -> list[Any]:
    """What becomes of the ranks' sums once the two are cut apart: the error of each, in the order of time."""
    met, errors = threading.Barrier(len(channels), action=cut), list[tuple[int, Exception]]()

    def run(channel: Channel) -> None:
        vector = np.ones(100_000, np.float32)
        try:
            with channel:
                AllReduce(channel)(vector)
                met.wait(60)
                while True:
                    AllReduce(channel)(vector)
        except Exception as error:
            errors.append((channel.rank, error))

    threads = [threading.Thread(target=run, args=(channel,)) for channel in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "every wait ends"
    return errors


def check_named(errors: list[tuple[int, Exception]]) -> None:
    """The first is of one of the two, and all who do not merely follow name them and nobody else."""
    assert [type(error) for _, error in errors if not isinstance(error, ExchangeError)] == []
    own = [(rank, str(error)) for rank, error in errors if not isinstance(error, LostPeerError)]
    assert own[0][0] in TWO, errors
    for _, text in own:
        assert "rank 1" in text, errors
        assert "rank 2" in text, errors
        assert "rank 0 at" not in text, errors
        assert "rank 3 at" not in text, errors


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MIN_PULSE_SECONDS", 2.5)


@pytest.mark.parametrize("ways", [[TWO], [TWO, TWO[::-1]]], ids=["one way", "both ways"])
def test_two_that_are_cut_apart_over_memory(quick: None, ways: list[tuple[int, int]]) -> None:
    channels = memory_channels(RANKS, DEADLINE)

    def cut() -> None:
        assert isinstance(channels[0], MemoryChannel)
        channels[0]._mail.update({way: Leaky() for way in ways})

    errors = in_threads(channels, cut)
    check_named(errors)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", ["cut", "half_open"])
def test_two_that_are_cut_apart_over_sockets(quick: None, encrypted: bool, kind: str) -> None:
    key = Credentials(SECRET, "exchange", "job", identity() if encrypted else b"")
    channels = [SocketChannel(rank, RANKS, DEADLINE, HERE, key) for rank in range(RANKS)]
    places = [channel.here for channel in channels]
    with ExitStack() as stack:
        between = {one: stack.enter_context(Proxy(places[one])) for one in TWO}
        for channel in channels:
            other = {1: 2, 2: 1}.get(channel.rank)
            channel.rendezvous([between[r].place if r == other else place for r, place in enumerate(places)])
        errors = in_threads(list(channels), lambda: [getattr(proxy, kind)() for proxy in between.values()] and None)
    check_named(errors)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_one_that_has_hung_up_is_not_called_frozen(quick: None, encrypted: bool) -> None:
    """As when it followed the error of another; which one we wait for is all the same."""
    key = Credentials(SECRET, "exchange", "job", identity() if encrypted else b"")
    channels = [SocketChannel(rank, 3, DEADLINE, HERE, key) for rank in range(3)]
    for channel in channels:
        channel.rendezvous([each.here for each in channels])
    met = threading.Thread(target=lambda: channels[1].receive(0, np.ones(4)))
    met.start()
    channels[0].send(1, np.ones(4))
    met.join(60)
    channels[1].close()
    for peer in (1, 2):
        assert isinstance(channels[0].unresponsive_error(peer, 1.0), LostPeerError)
    channels[2].close()
    assert isinstance(channels[0].unresponsive_error(2, 1.0), LostPeerError), "one of those who do not answer has ended"
    channels[0].close()


def test_one_that_is_slow_is_named_not_those_who_wait_for_it(quick: None) -> None:
    def at_work(channel: Channel) -> None:
        done.wait(60)

    channels, done = memory_channels(RANKS, DEADLINE), threading.Event()
    errors: list[str] = []

    def run(channel: Channel) -> None:
        try:
            at_work(channel) if channel.rank == 2 else AllReduce(channel)(np.ones(100_000, np.float32))
        except ExchangeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run, args=(channel,)) for channel in channels]
    for thread in threads:
        thread.start()
    for thread in threads[:2] + threads[3:]:
        thread.join(60)
    done.set()
    assert len(errors) == 3
    assert all("for rank 2, which is alive and at work" in error for error in errors), errors


def test_a_rank_that_none_of_the_others_answers_asks_for_its_own_network(quick: None) -> None:
    with socket.create_server((HERE, 0)) as first, socket.create_server((HERE, 0)) as second:
        mute = [server.getsockname()[:2] for server in (first, second)]
        with SocketChannel(2, 3, 0.5, HERE, Credentials(SECRET, "exchange", "job")) as channel:
            channel.rendezvous([*mute, channel.here])
            with pytest.raises(ExchangeError, match="none of the 2 other ranks answers; is the host of rank 2 cut off"):
                channel.swap(0, np.zeros(1), 0, np.zeros(1))
