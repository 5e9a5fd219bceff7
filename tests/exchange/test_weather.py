"""What a network does to bytes on their way: the sum is right, or there is an error; nobody hangs, nothing is wrong."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange import acceptor, watchdog
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.handshake import ANSWER, CHALLENGE, MAGIC, PROOF, Credentials
from spark_deepnet.exchange.sockets import SocketChannel
from tests.exchange.proxy import Change, Proxy
from tests.exchange.ranks import HERE, SECRET, identity

pytestmark = pytest.mark.long
DEADLINE = 0.5
FLOATS = 3000
HANDSHAKE = CHALLENGE.size + PROOF
"""Bytes that a dialer gets before the first message."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MIN_PULSE_SECONDS", 0.2)


def sums(
    change: Change | None = None, reset_at: int | None = None, encrypted: bool = False, deadline: float = DEADLINE
) -> list[Any]:
    """What three ranks come to whose every connection goes through a proxy."""
    key = Credentials(SECRET, "exchange", "job", identity() if encrypted else b"")
    channels = [SocketChannel(rank, 3, deadline, HERE, key) for rank in range(3)]
    found: list[Any] = [None] * 3
    with ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(channel.here, change, reset_at)) for channel in channels]

        def run(channel: SocketChannel) -> None:
            vector = np.full(FLOATS, channel.rank + 1, np.float32)
            try:
                with channel:
                    for _ in range(3):
                        AllReduce(channel)(vector)
                found[channel.rank] = set(vector.tolist())
            except Exception as error:
                found[channel.rank] = error

        for channel in channels:
            channel.rendezvous([proxy.place for proxy in proxies])
        threads = [threading.Thread(target=run, args=(channel,), daemon=True) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "every wait ends"
    return found


RIGHT = [{6.0 * 9}] * 3


def in_bytes(data: bytes, _: int) -> Iterable[bytes]:
    return (data[i : i + 1] for i in range(min(len(data), 200))) if len(data) <= 200 else (data[:99], data[99:])


def delayed(data: bytes, count: int) -> Iterable[bytes]:
    time.sleep(0.02)
    yield data


def in_bursts(data: bytes, count: int) -> Iterable[bytes]:
    for start in range(0, len(data), 1000):
        time.sleep(0.001)
        yield data[start : start + 1000]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("change", [in_bytes, delayed, in_bursts])
def test_bytes_that_come_late_and_in_pieces(change: Change, encrypted: bool) -> None:
    assert sums(change, encrypted=encrypted, deadline=20.0) == RIGHT


def at(place: int, put: bytes | None) -> Change:
    """Where the byte of this place should be comes something else; None: the bytes around it come twice."""

    def change(data: bytes, count: int) -> Iterable[bytes]:
        here = place - count
        if not 0 <= here < len(data):
            return (data,)
        if put is None:
            return (data[: here + 1], data[max(0, here - 7) :])
        return (data[:here], bytes([data[here] ^ 0x55]) if put == b"flip" else put, data[here + 1 :])

    return change


PLACES = [0, 20, HANDSHAKE - 1, HANDSHAKE + 3, ANSWER.size + 5]
"""Of the challenge, its nonce, the proof, and the headers behind it on both sides."""


@pytest.mark.parametrize("put", [b"flip", b"", b"more", None], ids=["flipped", "lost", "more", "doubled"])
@pytest.mark.parametrize("place", PLACES)
def test_bytes_of_handshake_and_header_that_are_others(place: int, put: bytes | None) -> None:
    """Beyond the header, plain connections carry what the network gives them: see docs/security.md."""
    check_ends(sums(at(place, put)))


@pytest.mark.parametrize("put", [b"flip", b"", b"more", None], ids=["flipped", "lost", "more", "doubled"])
@pytest.mark.parametrize("place", [10, 2000, 9000])
def test_any_byte_that_is_another_under_tls(place: int, put: bytes | None) -> None:
    found = sums(at(place, put), encrypted=True)
    check_ends(found)
    assert all(isinstance(value, Exception) or value == RIGHT[0] for value in found), "never a wrong sum"


@pytest.mark.parametrize("place", [1, *PLACES[1:], 500, 9000])
def test_a_reset_at_any_byte(place: int) -> None:
    check_ends(sums(reset_at=place))


def check_ends(found: list[Any]) -> None:
    errors = [value for value in found if isinstance(value, Exception)]
    assert [error for error in errors if not isinstance(error, ExchangeError)] == []
    assert errors or found == RIGHT


NETEM = {
    "delay": "delay 5ms 3ms",
    "loss": "loss 3%",
    "reordering": "delay 3ms reorder 25% 50%",
    "doubled": "duplicate 10%",
    "corrupted": "corrupt 2%",
}
"""What tc does to the packets of a network of its own; checksums and TCP mend all of it."""


@pytest.mark.slow
@pytest.mark.parametrize("what", NETEM)
def test_packets_of_bad_weather(what: str) -> None:
    script = f"ip link set lo up && tc qdisc add dev lo root netem {NETEM[what]} && exec {sys.executable} -c '{SUMS}'"
    try:
        done = subprocess.run(
            ["unshare", "-n", "sh", "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("unshare is not there")
    if "not permitted" in done.stderr or "not found" in done.stderr or "unknown" in done.stderr:
        pytest.skip(f"no network of its own: {done.stderr.strip()[-200:]}")
    assert done.stdout == "right\n", done.stderr


SUMS = (
    "import numpy as np; from tests.exchange.ranks import results; from spark_deepnet.exchange.all_reduce import AllReduce\n"
    "def job(channel):\n"
    "    vector = np.full(30000, channel.rank + 1, np.float32)\n"
    "    for _ in range(3): AllReduce(channel)(vector)\n"
    "    return set(vector.tolist())\n"
    'print("right" if results("sockets", 3, job, 30.0) == [{54.0}] * 3 else "wrong")'
)


def test_who_says_a_byte_at_a_time_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: what has come so far buys no more time."""
    monkeypatch.setattr(acceptor, "HANDSHAKE_SECONDS", 0.3)
    door = acceptor.Acceptor(HERE, Credentials(SECRET, "exchange", "job"), 0, lambda sock, _: sock.close())
    try:
        with socket.create_connection((door.host, door.port), 2) as sock:
            assert sock.recv(CHALLENGE.size, socket.MSG_WAITALL)[:4] == MAGIC
            with pytest.raises(ConnectionError):
                for _ in range(ANSWER.size - 1):
                    sock.sendall(b"S")
                    time.sleep(0.05)
    finally:
        door.close()


DESCRIPTORS = """
import resource, socket
from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.liveness import unresponsive
key = Credentials(b"a secret of this fit", "exchange", "job")
door = Acceptor("127.0.0.1", key, 1, lambda sock, rank: sock.close())
place = (door.host, door.port)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
held = []
try:
    while True:
        held.append(socket.socket())
except OSError:
    pass
for act in (lambda: unresponsive({1: place}, 2.0), lambda: dial(*place, key, 0, 1, 2.0)):
    try:
        print(act())
    except ExchangeError as error:
        print(error)
for sock in held:
    sock.close()
print(unresponsive({1: place}, 5.0))
"""


def test_a_process_without_descriptors_takes_nobody_for_dead() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIPTORS], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60
    )
    told = done.stdout.splitlines()
    assert len(told) == 3, done.stderr
    assert all("it holds all of its 40 file descriptors" in line for line in told[:2]), told
    assert told[2] == "{}", "it goes on once there are some"
