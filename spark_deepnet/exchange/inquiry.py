"""What ranks ask of one another when a wait lasts: whom do you wait for, and does a third one answer you?

A connection of its own, proved as all are, for the role below. The question is a rank, or NOBODY; the answer is JSON,
from a thread of its own, because the one that is asked may itself wait for a message, and looks for the third first."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.handshake import Pass, dial
from spark_deepnet.exchange.waits import Wait

ROLE = "inquiry"
QUESTION = struct.Struct("<i")
LARGEST = 1 << 20
"""Bytes of an answer; one of a thousand ranks has 10 KB."""


class Answer(NamedTuple):
    """What a rank says."""

    wait: Wait
    hears: bool
    """The one in question."""


def ask(place: tuple[str, int], key: Pass, rank: int, peer: int, third: int, seconds: float) -> Answer | None:
    """The answer of a peer at this place; None where it gives none within so many seconds."""
    try:
        with dial(*place, key, rank, peer, seconds) as sock:
            sock.settimeout(seconds)
            sock.sendall(QUESTION.pack(third))
            wait, hears = json.loads(_all(sock))
            return Answer(Wait(*wait), bool(hears))
    except (ExchangeError, OSError, ValueError, TypeError):
        return None


def answer(sock: socket.socket, wait: Callable[[], Wait], hears: Callable[[int], bool], seconds: float) -> None:
    """Answer one question, and hang up."""
    with sock, suppress(OSError, struct.error, ExchangeError):
        sock.settimeout(seconds)
        (third,) = QUESTION.unpack(sock.recv(QUESTION.size))
        sock.sendall(json.dumps([wait(), hears(third)]).encode())


def _all(sock: socket.socket) -> bytes:
    found = b""
    while (more := sock.recv(LARGEST)) and len(found) <= LARGEST:
        found += more
    return found
