"""What every kind of channel owes: messages as they were sent, deadlines, errors that name the peer, a clean end."""

from __future__ import annotations

import gc
import re
import threading
import time

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rendezvous import rendezvous
from tests.exchange.ranks import HERE, SECRET, WIRES, Meeting, channel_of, ports, results, together

DEADLINE = 1.0
every_world = pytest.mark.parametrize("world", WIRES)
VECTORS = [
    np.arange(6, dtype=np.int64).reshape(2, 3),
    np.arange(5, dtype=np.float16),
    np.zeros(0, np.float32),
    np.array(7.5),
    np.frombuffer(b"bytes", np.uint8),
    np.arange(3_000_000, dtype=np.float64),
]


@every_world
@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v.dtype} {v.shape}")
def test_vectors_arrive_as_they_were_sent(world: str, vector: np.ndarray) -> None:
    def job(channel: Channel) -> np.ndarray:
        out = np.zeros_like(vector)
        if channel.rank == 0:
            channel.send(1, vector)
            channel.receive(1, out)
        else:
            channel.receive(0, out)
            channel.send(0, out)
        return out

    for found in results(world, 2, job):
        np.testing.assert_array_equal(found, vector)


@every_world
def test_large_swaps_in_a_circle_do_not_deadlock(world: str) -> None:
    def job(channel: Channel) -> tuple[float, int, bool]:
        out = np.empty(2_000_000)
        channel.swap((channel.rank + 1) % 3, np.full(2_000_000, float(channel.rank)), (channel.rank - 1) % 3, out)
        return float(out.min()), channel.bytes_sent, channel.seconds_waiting > 0

    assert results(world, 3, job) == [((rank - 1) % 3, 16_000_000, True) for rank in range(3)]


@every_world
def test_a_stream_swaps_vector_after_vector_through_one_memory(world: str) -> None:
    def job(channel: Channel) -> list[float]:
        vectors, out = [np.full(size, 10.0 * channel.rank + size) for size in (3, 1, 0, 2)], np.zeros(3)
        outs = [out[: vector.size] for vector in vectors]
        return [float(each.sum()) for each in channel.stream(1 - channel.rank, vectors, 1 - channel.rank, outs)]

    for hosts in ("aa", "ab"):
        places = [f"127.0.0.{1 + (host == 'b')}" for host in hosts]
        assert results(world, 2, job, hosts=places) == [[39.0, 11.0, 0.0, 24.0], [9.0, 1.0, 0.0, 4.0]]


@pytest.mark.parametrize("world", ["sockets", "tls"])
def test_between_hosts_later_vectors_of_a_stream_leave_before_the_first_is_answered(world: str) -> None:
    def job(channel: Channel) -> float:
        vectors = np.full((5, 1000), channel.rank + 1.0)
        out = np.zeros_like(vectors)
        if channel.rank == 0:
            return sum(float(each[0]) for each in channel.stream(1, list(vectors), 1, list(out)))
        for each in out:
            channel.receive(0, each)
        for each in vectors:
            channel.send(0, each)
        return float(out[:, 0].sum())

    assert results(world, 2, job, hosts=["127.0.0.1", "127.0.0.2"]) == [10.0, 5.0]


@every_world
def test_ranks_may_come_late(world: str) -> None:
    def job(channel: Channel) -> int:
        time.sleep(0.1 * (2 - channel.rank))
        out = np.zeros(1, np.int64)
        for peer in {0, 1, 2} - {channel.rank}:
            channel.swap(peer, np.array([channel.rank]), peer, out)
        return int(out[0])

    assert results(world, 3, job) == [2, 2, 1]


@every_world
@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("met", [True, False], ids=["after a first message", "before any"])
def test_a_frozen_peer_ends_the_wait_at_the_deadline(world: str, late: int, met: bool) -> None:
    done = threading.Event()

    def job(channel: Channel) -> float:
        out, peer = np.zeros(4_000_000), 1 - channel.rank
        if met:
            channel.swap(peer, out[:1], peer, out[1:2])
        if channel.rank == late:
            done.wait(60)
            return 0.0
        start = time.monotonic()
        with pytest.raises(ExchangeError, match=f"rank {peer}.*frozen"):
            channel.swap(peer, out, peer, np.empty_like(out))
        done.set()
        return time.monotonic() - start

    assert 0.9 * DEADLINE < max(results(world, 2, job, DEADLINE)) < 30 * DEADLINE


@every_world
def test_a_late_peer_that_lives_is_waited_for_until_the_liveness_timeout(world: str) -> None:
    def job(channel: Channel) -> float:
        channel.liveness_timeout = 60 * DEADLINE
        out, peer = np.zeros(1), 1 - channel.rank
        if channel.rank == 1:
            time.sleep(2.5 * DEADLINE)
        channel.swap(peer, np.full(1, channel.rank + 1.0), peer, out)
        return float(out[0])

    assert results(world, 2, job, DEADLINE) == [2.0, 1.0]


@every_world
def test_who_is_not_of_the_company_may_leave_meanwhile(world: str) -> None:
    def job(channel: Channel) -> float:
        if channel.rank == 2:
            return 0.0
        channel.liveness_timeout, channel.watched_ranks = 60 * DEADLINE, (0, 1)
        out, peer = np.zeros(1), 1 - channel.rank
        if channel.rank == 1:
            time.sleep(2.5 * DEADLINE)
        channel.swap(peer, np.full(1, channel.rank + 1.0), peer, out)
        return float(out[0])

    assert results(world, 3, job, DEADLINE) == [2.0, 1.0, 0.0]


@every_world
@pytest.mark.parametrize("gone", [0, 1])
def test_a_peer_that_vanishes_is_named(world: str, gone: int) -> None:
    def job(channel: Channel) -> None:
        out, peer = np.zeros(1_000_000), 1 - channel.rank
        channel.swap(peer, out[:1], peer, out[1:2])
        if channel.rank != gone:
            for _ in range(3):
                channel.swap(peer, out, peer, np.empty_like(out))

    found = together(world, 2, job)[1 - gone]
    assert isinstance(found, ExchangeError)
    assert f"rank {1 - gone}: rank {gone}" in str(found)
    assert "closed the connection" in str(found)
    assert world == "memory" or HERE in str(found)


@every_world
def test_a_peer_that_is_gone_before_the_first_message_is_lost(world: str) -> None:
    gone = threading.Event()

    def job(channel: Channel) -> None:
        if channel.rank == 1:
            channel.close()
            gone.set()
        else:
            gone.wait(60)
            channel.receive(1, np.zeros(1))

    found = together(world, 2, job)[0]
    assert type(found) is LostPeerError
    assert world == "memory" or re.search(f"rank 0, calling rank 1: cannot reach {HERE}:.*firewall", str(found))


@every_world
def test_a_wrong_length_is_refused(world: str) -> None:
    def job(channel: Channel) -> None:
        if channel.rank == 0:
            channel.send(1, np.zeros(3, np.float32))
        else:
            channel.receive(0, np.zeros(4, np.float32))

    found = together(world, 2, job)[1]
    assert isinstance(found, ExchangeError)
    assert "rank 1 expected 16 bytes from rank 0" in str(found)
    assert "found 12" in str(found)


@every_world
@pytest.mark.parametrize("peer", [-1, 1, 2])
def test_there_must_be_such_a_peer(world: str, peer: int) -> None:
    def job(channel: Channel) -> None:
        if channel.rank == 1:
            channel.send(peer, np.zeros(1))

    assert isinstance(together(world, 2, job)[1], ExchangeError)


def test_vectors_must_be_contiguous() -> None:
    found = together("memory", 2, lambda channel: channel.send(1 - channel.rank, np.zeros((2, 2)).T[:1]))
    assert all("C-contiguous" in str(error) for error in found)


@pytest.mark.parametrize("world", ["sockets", "tls"])
def test_close_leaves_no_thread_and_no_open_socket(world: str) -> None:
    before = set(threading.enumerate())
    results(world, 4, lambda channel: channel.swap(channel.rank ^ 1, np.ones(9), channel.rank ^ 1, np.ones(9)))
    gc.collect()  # an unclosed socket warns here, and warnings are errors
    assert set(threading.enumerate()) <= before


def test_close_may_be_called_twice() -> None:
    def job(channel: Channel) -> None:
        channel.close()

    results("sockets", 2, job)


def test_a_lonely_rank_needs_no_socket() -> None:
    def never(_: str) -> list[str]:
        raise AssertionError

    with rendezvous(0, 1, "", never, b"", "job", DEADLINE) as channel:
        assert (channel.rank, channel.size) == (0, 1)


@pytest.mark.parametrize(
    ("address", "told", "words"),
    [
        ("0.0.0.0", [], "one address only"),
        ("", [], "cannot listen on ''"),
        ("::", [], "one address only"),
        ("203.0.113.7", [], "cannot listen on '203.0.113.7'"),
        (HERE, ["127.0.0.1:1"], "2 ranks should meet, found 1"),
        (HERE, ["127.0.0.1:1", "127.0.0.1"], "host:port, found '127.0.0.1'"),
    ],
)
def test_a_meeting_that_cannot_be(address: str, told: list[str], words: str) -> None:
    with pytest.raises(ExchangeError, match=words):
        rendezvous(0, 2, address, lambda _: told, SECRET, "job", DEADLINE)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ExchangeError, match="at least 16 bytes long, found 5"):
        channel_of(0, 2, Meeting(2), DEADLINE, b"short")


PORTS = ports(20)


def test_ports_of_a_range_are_tried_in_turn() -> None:
    heard: list[str] = []

    def all_gather(text: str) -> list[str]:
        heard.append(text)
        return [text, text]

    with (
        rendezvous(0, 2, HERE, all_gather, SECRET, "job", DEADLINE, PORTS),
        rendezvous(1, 2, HERE, all_gather, SECRET, "job", DEADLINE, PORTS),
    ):
        first, second = (int(text.rpartition(":")[2]) for text in heard)
        with pytest.raises(ExchangeError, match=f"none of the ports {first} to {second}: .*in use"):
            rendezvous(0, 2, HERE, all_gather, SECRET, "job", DEADLINE, (first, second))
    assert PORTS[0] <= first < second <= PORTS[-1]


def test_a_port_is_free_again_as_soon_as_its_rank_has_left() -> None:
    """Who closes first leaves a connection that the system remembers for a minute."""
    for _ in range(2):
        meeting, found = Meeting(2), []

        def run(rank: int, meeting: Meeting = meeting, found: list[float] = found) -> None:
            out = np.zeros(1)
            with rendezvous(rank, 2, HERE, meeting.all_gather(rank), SECRET, "job", DEADLINE, ports(2)) as channel:
                channel.swap(1 - rank, np.ones(1), 1 - rank, out)
                time.sleep(0.05 * (1 - rank))  # the acceptor's side goes first
            found.append(out[0])

        threads = [threading.Thread(target=run, args=(rank,)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1, 1]
