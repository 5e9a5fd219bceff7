"""When a packet leaves the router, and where: addresses, delay, rate, loss. No clock and no socket: times are given."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from tests.hosts.link import Link


@dataclass
class Counts:
    """Packets by what became of them, and the bytes of those that arrived."""

    arrived: int = 0
    arrived_bytes: int = 0
    lost: int = 0
    """By chance, or since a link was down."""
    queue_full: int = 0
    no_route: int = 0
    """To no host: what systems send to find routers, say."""


class Switch:
    """Packets pass two bounded queues: the sender's and the receiver's, which is also busy with what others send it. A
    packet is received while it is still being sent, so that it takes its time on the link once, not twice."""

    def __init__(self, link: Link, routes: Mapping[bytes, int], seed: int = 0) -> None:
        """``routes``: packed address, of IPv4 or IPv6 -> port."""
        ports = max(routes.values(), default=-1) + 1
        self.link, self.counts, self.is_up = link, Counts(), [True] * ports
        self._routes, self._chance = routes, random.Random(seed)
        self._sends_until, self._receives_until = [0.0] * ports, [0.0] * ports
        self._events: list[tuple[float, int, bool, int, bytes]] = []  # time, number, whether it leaves, port, packet
        self._number = itertools.count()

    @property
    def next_time(self) -> float | None:
        """When there is something to do; None: nothing is on its way."""
        return self._events[0][0] if self._events else None

    def enter(self, port: int, packet: bytes, now: float) -> None:
        """A host sends."""
        target = self._routes.get(destination(packet))
        if target is None:
            self.counts.no_route += 1
        elif not self.is_up[port] or self._chance.random() < self.link.loss:
            self.counts.lost += 1
        elif (start := self._start(self._sends_until, port, packet, now)) is not None:
            self._at(start + self.link.delay, False, target, packet)

    def leaving(self, now: float) -> Iterator[tuple[int, bytes]]:
        """Ports, and the packets that have reached their hosts until now."""
        while self._events and self._events[0][0] <= now:
            time, _, leaves, port, packet = heapq.heappop(self._events)
            if not self.is_up[port]:
                self.counts.lost += 1
            elif leaves:
                self.counts.arrived += 1
                self.counts.arrived_bytes += len(packet)
                yield port, packet
            elif (start := self._start(self._receives_until, port, packet, time)) is not None:
                self._at(start + self.link.seconds(len(packet)), True, port, packet)

    def summary(self) -> dict[str, int]:
        return asdict(self.counts)

    def _start(self, busy_until: list[float], port: int, packet: bytes, now: float) -> float | None:
        """When the packet's turn on a link comes; None where too much waits for it."""
        start = max(now, busy_until[port])
        if start - now > self.link.queue_seconds:
            self.counts.queue_full += 1
            return None
        busy_until[port] = start + self.link.seconds(len(packet))
        return start

    def _at(self, time: float, leaves: bool, port: int, packet: bytes) -> None:
        heapq.heappush(self._events, (time, next(self._number), leaves, port, packet))


def destination(packet: bytes) -> bytes:
    """The packed address that an IP packet goes to."""
    return packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
