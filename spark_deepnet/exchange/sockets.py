"""Ranks over TCP: connections made at first use, proved before they carry data, moved in both directions at once."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import perf_counter

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.acceptor import Acceptor
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.handshake import Pass, dial
from spark_deepnet.exchange.inquiry import ROLE, answer, ask
from spark_deepnet.exchange.link import Incoming, Outgoing
from spark_deepnet.exchange.liveness import unresponsive
from spark_deepnet.exchange.tls import TlsIncoming, TlsOutgoing
from spark_deepnet.exchange.vigil import Vigil, pulse_of, silent_error
from spark_deepnet.exchange.waits import NOBODY, Wait

ASKED = 3
"""Ranks that are asked at most whether one that is silent answers them."""


class SocketChannel(Channel):
    """A rank with a listener of its own. Of two ranks the lower one dials. The sizes of the sockets' buffers are left
    to the system, which fits them to the network: setting them would stop that."""

    def __init__(
        self, rank: int, size: int, deadline: float, address: str, key: Pass, ports: Iterable[int] = (0,)
    ) -> None:
        super().__init__(rank, size, deadline)
        self._key, self._inquiry = key, replace(key, role=ROLE)
        self._outgoing, self._incoming = (TlsOutgoing, TlsIncoming) if key.identity else (Outgoing, Incoming)
        self._places: Sequence[tuple[str, int]] = ()
        self._sockets: dict[int, socket.socket] = {}
        self._arrival = threading.Condition()
        self._acceptor = Acceptor(address, key, rank, self._admit, ports, [(self._inquiry, self._answer)])
        self.here = (self._acceptor.host, self._acceptor.port)
        """Host and port that the other ranks must be told."""

    def rendezvous(self, places: Sequence[tuple[str, int]]) -> None:
        """Learn where all ranks listen, in the order of their ranks; those at one address share a host."""
        self._places, self.hosts = places, tuple(host for host, _ in places)

    def place(self, peer: int) -> str:
        host, port = self._places[peer]
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

    def _moved(self, moving: list[Outgoing | Incoming]) -> bool:
        """Move whatever can move now; whether anything did."""
        moved = False
        for message in moving:
            try:
                moved |= message.move()
            except OSError as error:
                raise self.closed(message.peer, error) from None
        return moved

    def _sleep(self, moving: list[Outgoing | Incoming]) -> None:
        """Until anything can move. No spinning first: measured, it gains nothing where every rank has a core, and costs
        up to half as much again where ranks share one."""
        poll, events = select.poll(), dict[int, int]()
        for message in moving:
            fd = message.sock.fileno()
            events[fd] = events.get(fd, 0) | message.event
        for fd, event in events.items():
            poll.register(fd, event)
        self._waiting = (*_peers(moving), perf_counter())
        vigil = Vigil(self, moving[-1].peer)
        while not poll.poll(vigil.seconds * 1000):
            vigil.check()

    def silence(self, peer: int, waited: float) -> ExchangeError | None:
        """The peer may itself wait for another, which is then the one to name. Whether others hear the silent one tells a
        cut from a rank that is frozen."""
        watched_ranks = range(self.size) if self.watched_ranks is None else self.watched_ranks
        others = {rank: self._places[rank] for rank in watched_ranks if rank != self.rank}
        dead = unresponsive(others, pulse_of(self.deadline))
        if not dead:
            return None
        gone = next((rank for rank, ended in dead.items() if ended), None)
        if gone is not None:
            return self.closed(gone, "nobody listens there anymore")
        name = peer if peer in dead else next(iter(dead))
        witnesses = [rank for rank in others if rank not in dead][:ASKED]
        return silent_error(self, name, waited, {witness: self._hears(witness, name) for witness in witnesses})

    def _hears(self, witness: int, rank: int) -> bool | None:
        """Whether the rank answers the witness; None where that one does not answer either."""
        seconds = 2 * pulse_of(self.deadline)
        told = ask(self._places[witness], self._inquiry, self.rank, witness, rank, seconds)
        return None if told is None else told.hears

    def told_by(self, rank: int) -> Wait | None:
        told = ask(self._places[rank], self._inquiry, self.rank, rank, NOBODY, pulse_of(self.deadline))
        return told.wait if told is not None else None

    def _answer(self, sock: socket.socket, _: int) -> None:
        """Another rank asks (called in the acceptor's thread)."""
        told = (sock, self.wait, self._answers_us, pulse_of(self.deadline))
        threading.Thread(target=answer, args=told, name="exchange answer", daemon=True).start()

    def _answers_us(self, rank: int) -> bool:
        places = self._places
        return 0 <= rank < len(places) and not unresponsive({rank: places[rank]}, pulse_of(self.deadline))

    def _socket(self, peer: int) -> socket.socket:
        sock = self._sockets.get(peer)
        return self._connected(peer) if sock is None else sock

    def _connected(self, peer: int) -> socket.socket:
        """The connection to a peer at its first use."""
        if peer == self.rank or not 0 <= peer < len(self._places):
            raise ExchangeError(f"rank {self.rank} of {len(self._places)} met has no connection to rank {peer}")
        if self.rank < peer:
            self._sockets[peer] = self._dialled(peer)
        self._waiting = (NOBODY, peer, perf_counter())
        vigil = Vigil(self, peer)
        while not self._arrived(peer, vigil.seconds):
            vigil.check()
        return self._sockets[peer]

    def _arrived(self, peer: int, seconds: float) -> bool:
        with self._arrival:
            return self._arrival.wait_for(lambda: peer in self._sockets, seconds)

    def _dialled(self, peer: int) -> socket.socket:
        try:
            sock = dial(*self._places[peer], self._key, self.rank, peer, self.deadline)
        except ExchangeError as error:
            raise type(error)(f"rank {self.rank}, calling rank {peer}: {error}") from None
        sock.setblocking(False)
        return sock

    def _admit(self, sock: socket.socket, peer: int) -> None:
        """A lower rank has dialled (called in the acceptor's thread)."""
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
        self._sockets, self._places = {}, ()


def _peers(moving: Sequence[Outgoing | Incoming]) -> tuple[int, int]:
    """To whom and from whom these go."""
    found = {message.event: message.peer for message in moving}
    return found.get(select.POLLOUT, NOBODY), found.get(select.POLLIN, NOBODY)
