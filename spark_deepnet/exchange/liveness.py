"""Who of the ranks still lives: a frozen process accepts connections, since its kernel does, but neither speaks nor hangs
up."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Mapping

from spark_deepnet.exchange.descriptors import check_descriptors

Place = tuple[str, int]


def unresponsive(places: Mapping[int, Place], seconds: float) -> list[int]:
    """Those of the ranks whose acceptor neither says its challenge nor closes a connection that we end at once, as it does
    where connections are encrypted, within so many seconds. All are asked together; nothing need be proved. Raises an
    ExchangeError where this process itself cannot ask."""
    end = time.monotonic() + seconds
    found = set(places)
    with selectors.PollSelector() as selector:
        try:
            for rank, place in places.items():
                _ask(selector, rank, place)
            _listen(selector, found, end)
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    return sorted(found)


def _listen(selector: selectors.BaseSelector, unresponsive: set[int], end: float) -> None:
    """Until then, or until all have answered."""
    while selector.get_map() and (left := end - time.monotonic()) > 0:
        for key, event in selector.select(left):
            if event == selectors.EVENT_WRITE and _ended(key.fileobj):  # type: ignore[arg-type]
                selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                continue
            if event == selectors.EVENT_READ and _answers(key.fileobj):  # type: ignore[arg-type]
                unresponsive.discard(key.data)
            selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]


def _ask(selector: selectors.BaseSelector, rank: int, place: Place) -> None:
    """Begin a connection to the rank; what cannot even begin is silent."""
    sock = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.connect_ex(address)
        selector.register(sock, selectors.EVENT_WRITE, rank)
    except OSError as error:
        if sock is not None:
            sock.close()
        check_descriptors(error)


def _ended(sock: socket.socket) -> bool:
    """Say that nothing will come from us; whether the connection stands."""
    try:
        sock.shutdown(socket.SHUT_WR)
        return True
    except OSError:
        return False


def _answers(sock: socket.socket) -> bool:
    """Whether there is a word, or an end to the connection."""
    try:
        sock.recv(1)
        return True
    except OSError:
        return False
