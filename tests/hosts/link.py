"""What joins the hosts: every host has one such link to the router."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass

FAST_RATE = 500e6
"""Bits a second from which packets are large: the router's work is by the packet."""
LARGE_MTU, SMALL_MTU = 60_000, 9_000
QUEUE_PACKETS = 32
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
BITS = {"bit": 1.0, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
PARTS = {"%": 0.01, "": 1.0}


class UnitError(argparse.ArgumentTypeError, ValueError):
    """Raised for what is no number with its unit; argparse prints its sentence."""


@dataclass(frozen=True)
class Link:
    """The same for all hosts, and for both directions."""

    delay: float = 0.0
    """Seconds from one host to another, one way: a round trip takes twice as long."""
    rate: float = math.inf
    """Bits a second that a host can send, and that it can receive at the same time."""
    loss: float = 0.0
    """Probability with which a packet does not arrive."""

    def __post_init__(self) -> None:
        if not (0 <= self.delay < math.inf and self.rate > 0 and 0 <= self.loss < 1):
            raise ValueError(
                f"a delay of at least 0, a rate above 0 and a loss of at least 0 and below 1, found {self}"
            )

    @property
    def mtu(self) -> int:
        """Bytes of the largest packet."""
        return LARGE_MTU if self.rate >= FAST_RATE else SMALL_MTU

    @property
    def queue_seconds(self) -> float:
        """The longest that a packet waits in a queue: what a round trip holds, or some packets; one more is dropped."""
        return max(QUEUE_PACKETS * self.seconds(self.mtu), 2 * self.delay)

    def seconds(self, count: int) -> float:
        """For which bytes keep the link busy."""
        return 8 * count / self.rate


def to_seconds(text: str) -> float:
    """'20ms' -> 0.02"""
    return _number(text, SECONDS)


def to_bits(text: str) -> float:
    """'100mbit' -> 1e8"""
    return _number(text, BITS)


def to_part(text: str) -> float:
    """'0.1%' -> 0.001"""
    return _number(text, PARTS)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a link."""
    parser.add_argument("--delay", type=to_seconds, default=0.0, help="one way from host to host, as in 20ms (0 s)")
    parser.add_argument("--rate", type=to_bits, default=math.inf, help="of each host's link, as in 100mbit (unlimited)")
    parser.add_argument("--loss", type=to_part, default=0.0, help="of packets, by chance, as in 0.1%% (0)")


def _number(text: str, units: dict[str, float]) -> float:
    matched = re.fullmatch(r"(\d+\.?\d*|\.\d+)([a-z%]*)", text.strip().lower())
    if not matched or matched[2] not in units:
        raise UnitError(f"a number and one of {', '.join(filter(None, units))}, found {text!r}")
    return float(matched[1]) * units[matched[2]]
