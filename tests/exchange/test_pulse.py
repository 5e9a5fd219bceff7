"""Frozen and dead ranks do not answer; all that live do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.handshake import Credentials
from spark_deepnet.exchange.liveness import unresponsive
from tests.exchange.ranks import HERE, SECRET, identity

LISTENS = (
    "import sys, time; from spark_deepnet.exchange.acceptor import Acceptor; "
    "from spark_deepnet.exchange.handshake import Credentials; from tests.exchange.ranks import HERE, SECRET; "
    "print(Acceptor(HERE, Credentials(SECRET, 'exchange'), 1, print).port, flush=True); time.sleep(60)"
)


def acceptor(identity: bytes = b"") -> Acceptor:
    return Acceptor(HERE, Credentials(SECRET, "exchange", identity=identity), 0, lambda sock, rank: None)


@pytest.mark.parametrize("encrypted", [False, True])
def test_who_lives_answers(encrypted: bool) -> None:
    ours = [acceptor(identity() if encrypted else b"") for _ in range(3)]
    try:
        began = time.monotonic()
        assert unresponsive({rank: (a.host, a.port) for rank, a in enumerate(ours)}, 60.0) == {}
        assert time.monotonic() - began < 50.0, "nobody waits for what has been said"
    finally:
        for a in ours:
            a.close()


def test_who_is_gone_does_not() -> None:
    gone = acceptor()
    place = (gone.host, gone.port)
    gone.close()
    assert unresponsive({4: place, 5: ("no such host.invalid", 1)}, 10.0) == {4: True, 5: False}


def test_who_listens_and_says_nothing_is_silent() -> None:
    with socket.create_server((HERE, 0)) as mute:
        assert unresponsive({2: (HERE, mute.getsockname()[1])}, 0.2) == {2: False}


def test_a_frozen_process_is_silent_until_it_goes_on() -> None:
    child = subprocess.Popen([sys.executable, "-c", LISTENS], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        place = {1: (HERE, int(child.stdout.readline()))}
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        assert unresponsive(place, 0.3) == {1: False}
        os.kill(child.pid, signal.SIGCONT)
        assert unresponsive(place, 60.0) == {}
    finally:
        child.kill()
        child.communicate()
