"""Ranks in virtual time: the same algorithms on a network that is described instead of wired, up to thousands of ranks.

Each rank is a thread, but only one runs at a time: the one whose clock is the lowest. So clocks, and who of two gets a
shared link first, do not depend on the machine.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_deepnet.exchange.channel import Channel

STACK = 1 << 18
"""Bytes of a rank's stack: enough for NumPy, small enough for a thousand."""


@dataclass(frozen=True)
class Network:
    """What messages take; a rank has a link to its host's others, a host one to the others, both of full duplex."""

    latency: float
    """Seconds on the way, whatever the length."""
    per_byte: float
    """Seconds of a byte through a link: 1 / bandwidth."""
    hosts: Sequence[str] = ()
    """Of each rank; none: one host for all."""
    delays: Sequence[float] = ()
    """Seconds that each rank comes late; none: nobody does."""


@dataclass(frozen=True)
class Outcome:
    """What became of a rank."""

    result: Any
    """What its job returned, or the exception that ended it."""
    steps: int
    """Messages that had to wait for one another before it was done."""
    bytes_sent: int
    seconds: float
    """When it was done."""


def simulated(size: int, job: Callable[[Channel], Any], network: Network) -> list[Outcome]:
    """Run job(channel) on so many ranks."""
    return _World(size, network).run(job)


class VirtualChannel(Channel):
    """A rank with a clock. Who waits for what never comes gets the error of a deadline when nobody else can go on."""

    def __init__(self, rank: int, world: _World) -> None:
        super().__init__(rank, world.size, float("inf"), world.network.hosts)
        self._world = world
        self.clock = world.network.delays[rank] if world.network.delays else 0.0
        self.steps = 0
        self.heard = 0.0
        """When the last message had come in whole."""

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        sent, steps = self.clock, self.steps
        if to is not None and data is not None:
            sent = self._world.send(self, to, data)
        if from_ is not None and out is not None:
            message = self._world.receive(self, from_)
            if len(message.data) != len(out):
                raise self.length_error(from_, len(message.data), len(out))
            out[:] = message.data
            self.clock, steps = max(self.clock, self.heard), max(steps, message.steps)
        self.clock, self.steps = max(self.clock, sent), steps

    def close(self) -> None:
        """Nothing: the peers of a rank that has ended wait until nobody can go on."""


@dataclass(frozen=True)
class _Message:
    data: bytes
    whole: float
    """When it can have come in, to its last byte."""
    steps: int


class _World:
    """All ranks, their letters on the way, and whose turn it is."""

    def __init__(self, size: int, network: Network) -> None:
        self.size, self.network = size, network
        self.channels = [VirtualChannel(rank, self) for rank in range(size)]
        self._mail: dict[tuple[int, int], deque[_Message]] = defaultdict(deque)
        self._crews = Counter(self.channels[0].hosts)
        self._out: dict[str, float] = defaultdict(float)  # when a host's link has sent all that it took so far
        self._in: dict[str, float] = defaultdict(float)
        self._ready = [(channel.clock, channel.rank) for channel in self.channels]
        heapq.heapify(self._ready)
        self._waiting: dict[int, int] = {}  # rank -> the peer that it waits for
        self._turns = [threading.Lock() for _ in range(size)]  # held but by whose turn it is

    def run(self, job: Callable[[Channel], Any]) -> list[Outcome]:
        found: list[Any] = [None] * self.size

        def work(channel: VirtualChannel) -> None:
            self._turns[channel.rank].acquire()
            try:
                found[channel.rank] = job(channel)
            except Exception as error:
                found[channel.rank] = error
            self._pass_on()

        for turn in self._turns:
            turn.acquire()
        before = threading.stack_size(STACK)
        try:
            threads = [threading.Thread(target=work, args=(channel,)) for channel in self.channels]
            for thread in threads:
                thread.start()
        finally:
            threading.stack_size(before)
        self._pass_on()
        for thread in threads:
            thread.join()
        ends = zip(found, self.channels, strict=True)
        return [Outcome(result, c.steps, c.bytes_sent, c.clock) for result, c in ends]

    def send(self, channel: VirtualChannel, to: int, data: memoryview) -> float:
        """Put a message on its way; when it has left whole."""
        self._wait_for_turn(channel)
        lasts = len(data) * self.network.per_byte
        here, there = channel.hosts[channel.rank], channel.hosts[to]
        sent = max(channel.clock, self._out[here] if here != there else 0.0) + lasts
        whole = sent + self.network.latency
        if here != there:
            self._out[here] = sent
        if here != there and self._crews[there] > 1:
            whole = self._in[there] = max(whole, self._in[there] + lasts)
        self._mail[channel.rank, to].append(_Message(bytes(data), whole, channel.steps + 1))
        if self._waiting.get(to) == channel.rank:
            del self._waiting[to]
            heapq.heappush(self._ready, (max(self.channels[to].clock, whole), to))
        return sent

    def receive(self, channel: VirtualChannel, from_: int) -> _Message:
        """The peer's next message, once it is sent; it passes the rank's own link when it is asked for."""
        mail = self._mail[from_, channel.rank]
        if not mail:
            self._waiting[channel.rank] = from_
            self._pass_on(channel.rank)
        if not mail:
            raise channel.timeout_error(from_, channel.deadline)
        message = mail.popleft()
        channel.heard = max(message.whole, channel.heard + len(message.data) * self.network.per_byte)
        return message

    def _wait_for_turn(self, channel: VirtualChannel) -> None:
        """Let all go first whose clocks are lower."""
        if self._ready and self._ready[0][0] < channel.clock:
            heapq.heappush(self._ready, (channel.clock, channel.rank))
            self._pass_on(channel.rank)

    def _pass_on(self, rank: int | None = None) -> None:
        """Give the turn to the lowest clock, or else to one who waits in vain; a rank comes back with its next turn."""
        heir = heapq.heappop(self._ready)[1] if self._ready else next(iter(self._waiting), None)
        if heir is not None and heir in self._waiting:
            del self._waiting[heir]
        if heir == rank:
            return
        if heir is not None:
            self._turns[heir].release()
        if rank is not None:
            self._turns[rank].acquire()
