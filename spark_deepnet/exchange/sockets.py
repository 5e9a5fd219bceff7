"""Ranks over TCP: connections made at first use, proved before they carry data, moved in both directions at once."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.channel import Channel, bytes_of
from spark_deepnet.exchange.handshake import Credentials, dial
from spark_deepnet.exchange.inquiry import ROLE, answer, ask
from spark_deepnet.exchange.link import Incoming, Outgoing, Sends
from spark_deepnet.exchange.liveness import unresponsive
from spark_deepnet.exchange.tls import TlsIncoming, TlsOutgoing
from spark_deepnet.exchange.waits import NOBODY, Wait
from spark_deepnet.exchange.watchdog import Watchdog, cut_off_error, no_answer_error, pulse_of

MAX_WITNESSES = 3
"""Ranks that are asked whether a silent one answers them."""


class SocketChannel(Channel):
    """A rank with a listener of its own. Of two ranks the lower one dials. The sizes of the sockets' buffers are left
    to the system, which fits them to the network; setting them would prevent that."""

    def __init__(
        self, rank: int, size: int, deadline: float, address: str, key: Credentials, ports: Iterable[int] = (0,)
    ) -> None:
        super().__init__(rank, size, deadline)
        self._key, self._inquiry = key, replace(key, role=ROLE)
        self._outgoing, self._incoming = (TlsOutgoing, TlsIncoming) if key.identity else (Outgoing, Incoming)
        self._addresses: Sequence[tuple[str, int]] = ()
        self._sockets: dict[int, socket.socket] = {}
        self._arrival = threading.Condition()
        self._acceptor = Acceptor(address, key, rank, self._admit, ports, [(self._inquiry, self._answer)])
        self.here = (self._acceptor.host, self._acceptor.port)
        """Host and port, for the other ranks."""

    def rendezvous(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Learn where all ranks listen, in the order of their ranks; those at one address share a host."""
        self._addresses, self.hosts = addresses, tuple(host for host, _ in addresses)

    def place(self, peer: int) -> str:
        host, port = self._addresses[peer]
        return f"rank {peer} at {host}:{port}"

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        moving: list[Outgoing | Incoming] = []
        if to is not None and data is not None:
            moving.append(self._outgoing(self._socket(to), to, data))
        if from_ is not None and out is not None:
            moving.append(self._incoming(self._socket(from_), from_, out, self))
        while moving:
            if self._moved(moving):
                moving = [m for m in moving if m.at < m.end]
            else:
                self._sleep(moving)

    def stream(
        self, to: int, vectors: Sequence[np.ndarray], from_: int, outs: Sequence[np.ndarray]
    ) -> Iterator[np.ndarray]:
        if not self.spans_hosts or len(outs) < 2:  # what is sent at once is still in the cache
            yield from super().stream(to, vectors, from_, outs)
            return
        sends = Sends([self._outgoing(self._socket(to), to, bytes_of(vector)) for vector in vectors])
        before = self._sent[to]
        for number, out in enumerate(outs):
            start = perf_counter()
            incoming = self._incoming(self._socket(from_), from_, bytes_of(out), self)
            while moving := sends.moving(number, incoming):
                self._sent[to] = before + sends.num_started
                if not self._moved(moving):
                    self._sleep(moving)
            self._waiting = None
            self._received[from_] += 1
            self.bytes_sent += vectors[number].nbytes
            self.seconds_waiting += perf_counter() - start
            yield out

    def _moved(self, moving: list[Outgoing | Incoming]) -> bool:
        """Move what can be moved now; returns whether anything was."""
        moved = False
        for message in moving:
            try:
                moved |= message.move()
            except OSError as error:
                raise self.closed_error(message.peer, error) from None
        return moved

    def _sleep(self, moving: list[Outgoing | Incoming]) -> None:
        """Wait until anything can be moved. There is no spinning first: measured, it gains nothing where every rank has a
        core, and costs up to half as much again where ranks share one."""
        poll, events = select.poll(), dict[int, int]()
        for message in moving:
            fd = message.sock.fileno()
            events[fd] = events.get(fd, 0) | message.event
        for fd, event in events.items():
            poll.register(fd, event)
        self._waiting = (*_peers(moving), perf_counter())
        watchdog = Watchdog(self, moving[-1].peer)
        while not poll.poll(watchdog.seconds * 1000):
            watchdog.check()

    def unresponsive_error(self, peer: int, waited: float) -> ExchangeError | None:
        """The peer may itself wait for another rank, which is then the one to name. Whether others reach the silent rank
        distinguishes a network cut from a frozen rank."""
        watched_ranks = range(self.size) if self.watched_ranks is None else self.watched_ranks
        others = {rank: self._addresses[rank] for rank in watched_ranks if rank != self.rank}
        dead = unresponsive(others, pulse_of(self.deadline))
        if not dead:
            return None
        ended = next((rank for rank, has_ended in dead.items() if has_ended), None)
        if ended is not None:
            return self.closed_error(ended, "nobody listens there anymore")
        name = peer if peer in dead else next(iter(dead))
        if len(dead) == len(others) > 1:
            return cut_off_error(self, name, waited, len(others))
        witnesses = [rank for rank in others if rank not in dead][:MAX_WITNESSES]
        return no_answer_error(self, name, waited, {witness: self._hears(witness, name) for witness in witnesses})

    def _hears(self, witness: int, rank: int) -> bool | None:
        """Whether the rank answers the witness; None where that one does not answer either."""
        seconds = 2 * pulse_of(self.deadline)
        reply = ask(self._addresses[witness], self._inquiry, self.rank, witness, rank, seconds)
        return None if reply is None else reply.hears

    def wait_of(self, rank: int) -> Wait | None:
        reply = ask(self._addresses[rank], self._inquiry, self.rank, rank, NOBODY, pulse_of(self.deadline))
        return None if reply is None else reply.wait

    def _answer(self, sock: socket.socket, _: int) -> None:
        """Answer another rank's question (called in the acceptor's thread)."""
        args = (sock, self.wait, self._answers_us, pulse_of(self.deadline))
        threading.Thread(target=answer, args=args, name="exchange answer", daemon=True).start()

    def _answers_us(self, rank: int) -> bool:
        addresses = self._addresses
        return 0 <= rank < len(addresses) and not unresponsive({rank: addresses[rank]}, pulse_of(self.deadline))

    def _socket(self, peer: int) -> socket.socket:
        sock = self._sockets.get(peer)
        return self._connected(peer) if sock is None else sock

    def _connected(self, peer: int) -> socket.socket:
        """The connection to a peer at its first use."""
        if peer == self.rank or not 0 <= peer < len(self._addresses):
            raise ExchangeError(f"rank {self.rank} of {len(self._addresses)} has no connection to rank {peer}")
        if self.rank < peer:
            self._sockets[peer] = self._dialled(peer)
        self._waiting = (NOBODY, peer, perf_counter())
        watchdog = Watchdog(self, peer)
        while not self._arrived(peer, watchdog.seconds):
            watchdog.check()
        return self._sockets[peer]

    def _arrived(self, peer: int, seconds: float) -> bool:
        with self._arrival:
            return self._arrival.wait_for(lambda: peer in self._sockets, seconds)

    def _dialled(self, peer: int) -> socket.socket:
        try:
            sock = dial(*self._addresses[peer], self._key, self.rank, peer, self.deadline)
        except ExchangeError as error:
            raise type(error)(f"rank {self.rank}, calling rank {peer}: {error}") from None
        sock.setblocking(False)
        return sock

    def _admit(self, sock: socket.socket, peer: int) -> None:
        """Take the connection of a lower rank (called in the acceptor's thread)."""
        with self._arrival:
            if peer >= self.rank or peer in self._sockets:
                sock.close()
            else:
                self._sockets[peer] = sock
                self._arrival.notify_all()

    def close(self) -> None:
        self._acceptor.close()
        for sock in self._sockets.values():
            sock.close()
        self._sockets, self._addresses = {}, ()


def _peers(moving: Sequence[Outgoing | Incoming]) -> tuple[int, int]:
    """The ranks to which and from which these messages go."""
    peers = {message.event: message.peer for message in moving}
    return peers.get(select.POLLOUT, NOBODY), peers.get(select.POLLIN, NOBODY)
