"""Progress from a worker to the driver: in order, bounded, never in the way."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import closing
from queue import SimpleQueue

import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.report import LENGTH, MAX_MESSAGE_BYTES, Listener, Reporter
from tests.exchange.ranks import HERE, SECRET


def test_messages_arrive_in_order_from_several_workers() -> None:
    heard: SimpleQueue[bytes] = SimpleQueue()
    sent = [b"", b'{"epoch": 1}', b"x" * MAX_MESSAGE_BYTES, *(b"%d" % i for i in range(100))]
    with closing(Listener(HERE, SECRET, heard.put)) as listener:
        for _ in range(2):
            with closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter:
                assert all(reporter.send(message) for message in sent)
            assert [heard.get(timeout=60) for _ in sent] == sent


def test_another_secret_is_refused() -> None:
    with (
        closing(Listener(HERE, SECRET, print)) as listener,
        pytest.raises(ExchangeError, match="progress cannot be reported to the driver"),
    ):
        Reporter(HERE, listener.port, b"another fit's secret", 0.3)


def test_a_driver_that_is_not_there_is_said_within_the_timeout() -> None:
    with socket.create_server((HERE, 0)) as deaf:
        port = deaf.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(ExchangeError, match=f"{HERE}:{port} does not let us in"):
            Reporter(HERE, port, SECRET, 0.3)
        assert time.monotonic() - start < 10
    with pytest.raises(ExchangeError, match="cannot reach"):
        Reporter(HERE, port, SECRET, 0.3)


def test_a_driver_that_does_not_read_holds_up_nobody() -> None:
    go = threading.Event()
    with closing(Listener(HERE, SECRET, lambda _: go.wait(60))) as listener:
        with closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter:
            start = time.monotonic()
            taken = [reporter.send(b"x" * MAX_MESSAGE_BYTES) for _ in range(300)]
            assert time.monotonic() - start < 10
            assert taken[0]
            assert not taken[-1]
        go.set()


def test_what_was_begun_is_ended_before_the_next() -> None:
    go, heard = threading.Event(), []  # type: ignore[var-annotated]

    def slowly(message: bytes) -> None:
        go.wait(60)
        heard.append(message)

    with closing(Listener(HERE, SECRET, slowly)) as listener:
        with closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter:
            taken = sum(reporter.send(b"%03d" % (i % 1000) * 20_000) for i in range(300))
            go.set()
            end = time.monotonic() + 60
            while not reporter.send(b"last") and time.monotonic() < end:
                time.sleep(0.01)
            while heard[-1:] != [b"last"] and time.monotonic() < end:
                time.sleep(0.01)
        assert len(heard) == taken + 1
        assert all(message == message[:3] * 20_000 for message in heard[:-1])


def test_a_lost_driver_is_no_error() -> None:
    listener = Listener(HERE, SECRET, print)
    with closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter:
        listener.close()
        time.sleep(0.05)
        assert not all(reporter.send(b"still there?") for _ in range(3))


def test_too_long_a_message_is_neither_sent_nor_read() -> None:
    with (
        closing(Listener(HERE, SECRET, print)) as listener,
        closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter,
    ):
        assert not reporter.send(b"x" * (MAX_MESSAGE_BYTES + 1))
        reporter._sock.sendall(LENGTH.pack(MAX_MESSAGE_BYTES + 1))
        reporter._sock.settimeout(20)
        assert reporter._sock.recv(1) == b""


def test_an_error_of_the_driver_s_is_logged_and_the_next_message_heard(caplog: pytest.LogCaptureFixture) -> None:
    heard: SimpleQueue[float] = SimpleQueue()
    with (
        caplog.at_level(logging.ERROR),
        closing(Listener(HERE, SECRET, lambda message: heard.put(1 / int(message)))) as listener,
        closing(Reporter(HERE, listener.port, SECRET, 20.0)) as reporter,
    ):
        assert reporter.send(b"0")
        assert reporter.send(b"2")
        assert heard.get(timeout=60) == 0.5
    assert "could not be shown" in caplog.text


def test_close_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    Listener(HERE, SECRET, print).close()
    assert set(threading.enumerate()) <= before
