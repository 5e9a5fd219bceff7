"""Ranks meet at the driver, or all of them by another way: whoever fails, whoever knocks, however often they try again."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange import meeting
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.meeting import DRIVER, LENGTH, MAX_ARRIVAL_BYTES, ROLE, Meetings, Place, meet
from spark_deepnet.exchange.report import Listener
from tests.exchange.hostile import Hostile
from tests.exchange.ranks import HERE, SECRET, identity

KEY = Credentials(SECRET, ROLE)


@contextmanager
def driver(seconds: float = 20.0, shown: bytes = b"", host: str = HERE) -> Iterator[tuple[Listener, Meetings]]:
    meetings = Meetings(seconds)
    with closing(Listener(host, SECRET, print, identity=shown, meetings=meetings)) as listener:
        yield listener, meetings


def arrive(
    listener: Listener, rank: int, size: int, attempt: int = 7, job: str = "job", secret: bytes = SECRET,
    deadline: float = 20.0, shown: bytes = b"",
) -> list[str] | None:  # fmt: skip
    place = Place(listener.host, listener.port, job, attempt)
    return meet(place, rank, size, f"{HERE}:{4000 + rank + 100 * attempt}", secret, deadline, shown)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns, or its error."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.exception() or future.result() for future in futures]


def addresses(size: int, attempt: int = 7) -> list[str]:
    return [f"{HERE}:{4000 + rank + 100 * attempt}" for rank in range(size)]


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("size", [2, 3, 40])
def test_every_rank_gets_every_address(size: int, encrypted: bool) -> None:
    shown = identity() if encrypted else b""
    with driver(shown=shown) as (listener, meetings):
        results = at_once(*(lambda r=r: arrive(listener, r, size, shown=shown) for r in range(size)))  # type: ignore[misc]
        assert results == [addresses(size)] * size
        assert meetings.met("job")
        assert not meetings.met("job 1")


def test_jobs_and_attempts_meet_by_themselves() -> None:
    with driver() as (listener, _):
        keys = [("job", 7), ("job", 9), ("job 1", 7)]
        calls = [lambda r=r, j=j, a=a: arrive(listener, r, 2, a, j) for r in range(2) for j, a in keys]  # type: ignore[misc]
        assert at_once(*calls) == [addresses(2, attempt) for _, attempt in keys] * 2


def test_a_rank_of_an_attempt_that_has_failed_does_not_meet_those_of_the_next() -> None:
    with driver(1.0) as (listener, _):
        calls = [(0, 9), (1, 7), (1, 9)]  # rank 1 of the first attempt comes between
        results = at_once(*(lambda r=r, a=a: arrive(listener, r, 2, a) for r, a in calls))  # type: ignore[misc]
    assert results == [addresses(2, 9), None, addresses(2, 9)]


def test_where_one_does_not_reach_the_driver_all_go_another_way() -> None:
    with driver(0.3) as (listener, meetings):
        with socket.create_server((HERE, 0)) as deaf:
            nowhere = Place(HERE, deaf.getsockname()[1], "job", 7)
            results = at_once(
                lambda: arrive(listener, 0, 3),
                lambda: arrive(listener, 1, 3),
                lambda: meet(nowhere, 2, 3, "", SECRET, 2.0),
            )
        assert results == [None] * 3
        assert arrive(listener, 2, 3) is None, "late, it follows the others"
        assert not meetings.met("job")


def test_a_rank_that_leaves_after_its_arrival_does_not_hold_up_the_others() -> None:
    with driver() as (listener, _):
        with dial(listener.host, listener.port, KEY, 0, DRIVER, 20.0) as sock:
            meeting._send(sock, ["job", 7, 2, "gone:1"], 20.0)
            time.sleep(0.1)
        assert arrive(listener, 1, 2) == ["gone:1", addresses(2)[1]]


def test_a_driver_that_ends_ends_the_ranks_that_wait() -> None:
    with driver() as (listener, _):
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.extend(at_once(lambda: arrive(listener, 0, 2))))
        thread.start()
        time.sleep(0.3)
    thread.join(20)
    assert isinstance(found[0], LostPeerError)
    assert f"the driver at {HERE}:{listener.port} has not answered" in str(found[0])


def test_a_frozen_driver_ends_the_wait_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def frozen(_: Meetings, sock: socket.socket, __: int) -> None:
        with sock:
            ended.wait(60)

    monkeypatch.setattr(Meetings, "_arrive", frozen)
    with driver() as (listener, _):
        start = time.monotonic()
        with pytest.raises(LostPeerError, match=r"rank 0: the driver .* has not answered"):
            arrive(listener, 0, 2, deadline=1.0)
        assert time.monotonic() - start < 10
        ended.set()


@pytest.mark.parametrize("secret", [b"another fit's secret", SECRET])
def test_one_who_does_not_know_the_secret_is_not_believed(secret: bytes) -> None:
    """Neither a stranger at the driver, nor a stranger in the driver's place."""
    meetings = Meetings(0.3)
    with closing(Listener(HERE, SECRET, print, meetings=meetings)) as listener:
        if secret != SECRET:
            assert arrive(listener, 0, 2, secret=secret, deadline=2.0) is None
            assert not meetings._rounds
            return
    with closing(Listener(HERE, b"another fit's secret", print, meetings=Meetings(0.3))) as false:
        assert arrive(false, 0, 2, deadline=2.0) is None


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"\xff",
        b'["job", "x", 2, "a:1"]',
        b'["job", 7, 3, "a:1"]',
        json.dumps(["job", 7, 2, "a" * MAX_ARRIVAL_BYTES]).encode(),
    ],
)  # fmt: skip
def test_what_is_no_arrival_is_dropped(blob: bytes) -> None:
    with driver() as (listener, _), ThreadPoolExecutor(1) as pool:
        first = pool.submit(arrive, listener, 0, 2)
        time.sleep(0.2)
        with dial(listener.host, listener.port, KEY, 1, DRIVER, 20.0) as sock:
            sock.sendall(LENGTH.pack(len(blob)) + blob)
            sock.settimeout(20)
            with suppress(ConnectionResetError):  # where bytes were left unread
                assert sock.recv(1) == b""
        assert arrive(listener, 1, 2) == first.result(20) == addresses(2)


@pytest.mark.parametrize("rank", [0, 2, 1 << 31])
def test_a_second_rank_of_one_number_is_dropped(rank: int) -> None:
    with driver() as (listener, _), ThreadPoolExecutor(1) as pool:
        first = pool.submit(arrive, listener, 0, 2)
        time.sleep(0.2)
        with pytest.raises(LostPeerError):
            arrive(listener, rank, 2)
        assert arrive(listener, 1, 2) == first.result(20) == addresses(2)
        with pytest.raises(LostPeerError):
            arrive(listener, 1, 2)


def test_strangers_do_not_hold_up_a_meeting() -> None:
    with driver() as (listener, _), Hostile([listener.port]) as stranger:
        while stranger.made < 300:
            time.sleep(0.01)
        for attempt in range(20):
            assert (
                at_once(*(lambda r=r, a=attempt: arrive(listener, r, 3, a) for r in range(3)))
                == [  # type: ignore[misc]
                    addresses(3, attempt)
                ]
                * 3
            )


def test_ipv6() -> None:
    try:
        with driver(host="::1") as (listener, _):
            assert at_once(lambda: arrive(listener, 0, 2), lambda: arrive(listener, 1, 2)) == [addresses(2)] * 2
    except ExchangeError as error:
        if "cannot listen" not in str(error):
            raise
        pytest.skip("this machine has no IPv6")


def test_close_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with driver() as (listener, _), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(arrive, listener, 0, 2)
        time.sleep(0.2)
        listener.close()
        assert isinstance(waiting.exception(20), LostPeerError)
    end = time.monotonic() + 20
    while not set(threading.enumerate()) <= before and time.monotonic() < end:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before  # of which some may have ended meanwhile
