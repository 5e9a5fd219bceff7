"""The questions of ranks during a long wait: whom do you wait for, and does a third rank answer you?

A question has a connection of its own, authenticated as all are, for the role below. It is a rank, or NOBODY; the answer
is JSON, from a thread of its own, because the rank that is asked may itself wait for a message and has to try the third
rank first."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.waits import Wait

ROLE = "inquiry"
QUESTION = struct.Struct("<i")
MAX_ANSWER_BYTES = 1 << 20
"""Of a thousand ranks an answer has 10 KB."""


class Answer(NamedTuple):
    """A rank's answer."""

    wait: Wait
    hears: bool
    """Whether the third rank answers it."""


def ask(address: tuple[str, int], key: Credentials, rank: int, peer: int, third: int, seconds: float) -> Answer | None:
    """The answer of the peer at this address; None where none comes within ``seconds``."""
    try:
        with dial(*address, key, rank, peer, seconds) as sock:
            sock.settimeout(seconds)
            sock.sendall(QUESTION.pack(third))
            wait, hears = json.loads(_all(sock))
            return Answer(Wait(*wait), bool(hears))
    except (ExchangeError, OSError, ValueError, TypeError):
        return None


def answer(sock: socket.socket, wait: Callable[[], Wait], hears: Callable[[int], bool], seconds: float) -> None:
    """Answer one question and close the connection."""
    with sock, suppress(OSError, struct.error, ExchangeError):
        sock.settimeout(seconds)
        (third,) = QUESTION.unpack(sock.recv(QUESTION.size))
        sock.sendall(json.dumps([wait(), hears(third)]).encode())


def _all(sock: socket.socket) -> bytes:
    received = b""
    while (more := sock.recv(MAX_ANSWER_BYTES)) and len(received) <= MAX_ANSWER_BYTES:
        received += more
    return received
