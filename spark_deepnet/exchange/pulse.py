"""Who of the ranks still lives: a frozen process accepts connections, since its kernel does, but says nothing."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Mapping

Place = tuple[str, int]


def silent(places: Mapping[int, Place], seconds: float) -> list[int]:
    """Those of the ranks whose acceptor does not say its challenge within so many seconds. All are asked at once; what
    is said is for anybody, so nothing need be proved."""
    end = time.monotonic() + seconds
    found = set(places)
    with selectors.DefaultSelector() as selector:
        for rank, place in places.items():
            _ask(selector, rank, place)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if _answers(key.fileobj):  # type: ignore[arg-type]
                    found.discard(key.data)
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return sorted(found)


def _ask(selector: selectors.BaseSelector, rank: int, place: Place) -> None:
    """Begin a connection to the rank; what cannot even begin is silent."""
    sock = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.connect_ex(address)
        selector.register(sock, selectors.EVENT_READ, rank)
    except OSError:
        if sock is not None:
            sock.close()


def _answers(sock: socket.socket) -> bool:
    try:
        return len(sock.recv(1)) > 0
    except OSError:
        return False
