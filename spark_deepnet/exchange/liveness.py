"""Who of the ranks still lives: a frozen process accepts connections, since its kernel does, but neither speaks nor hangs
up."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Mapping

from spark_deepnet.exchange.descriptors import check_descriptors

Place = tuple[str, int]
ENDED = (ConnectionRefusedError, ConnectionResetError)
"""Of a system where nobody listens, or not anymore to a connection that stood in line."""


def unresponsive(places: Mapping[int, Place], seconds: float) -> dict[int, bool]:
    """Those of the ranks, in their order, whose acceptor neither says its challenge nor closes a connection that we end at
    once, as it does where connections are encrypted, within so many seconds; True where nobody listens anymore, so that
    the rank has ended. All are asked together; nothing need be proved. Raises an ExchangeError where this process itself
    cannot ask."""
    end = time.monotonic() + seconds
    found = dict.fromkeys(sorted(places), False)
    with selectors.PollSelector() as selector:
        try:
            for rank, place in places.items():
                _ask(selector, rank, place)
            _listen(selector, found, end)
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    return found


def _listen(selector: selectors.BaseSelector, unresponsive: dict[int, bool], end: float) -> None:
    """Until then, or until all have answered."""
    while selector.get_map() and (left := end - time.monotonic()) > 0:
        for key, event in selector.select(left):
            sock: socket.socket = key.fileobj  # type: ignore[assignment]
            try:
                if _answered(sock, event):
                    del unresponsive[key.data]
                else:
                    selector.modify(sock, selectors.EVENT_READ, key.data)
                    continue
            except OSError as error:
                unresponsive[key.data] = isinstance(error, ENDED)
            selector.unregister(sock)
            sock.close()


def _answered(sock: socket.socket, event: int) -> bool:
    """Whether there is a word, or an end to the connection. Once it stands, say that nothing will come from us. Raises an
    OSError where it does not stand."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    if event == selectors.EVENT_WRITE:
        sock.shutdown(socket.SHUT_WR)
        return False
    sock.recv(1)
    return True


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
