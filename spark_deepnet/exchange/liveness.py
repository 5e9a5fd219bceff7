"""Which ranks are alive. A frozen process accepts connections, since its kernel does, but neither speaks nor hangs up."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Mapping

from spark_deepnet.exchange.descriptors import check_descriptors

Address = tuple[str, int]
ENDED = (ConnectionRefusedError, ConnectionResetError)
"""Raised where nobody listens, or no longer to a connection that was waiting to be accepted."""


def unresponsive(addresses: Mapping[int, Address], seconds: float) -> dict[int, bool]:
    """The ranks, in their order, that show no sign of life within ``seconds``; True where nobody listens any more, so that
    the rank has ended. A sign of life is the challenge of an acceptor, or, where connections are encrypted, that it closes
    a connection which we end at once. All ranks are asked at the same time, without authentication. Raises an
    ExchangeError where this process itself cannot ask."""
    end = time.monotonic() + seconds
    silent = dict.fromkeys(sorted(addresses), False)
    with selectors.PollSelector() as selector:
        try:
            for rank, address in addresses.items():
                _ask(selector, rank, address)
            _listen(selector, silent, end)
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    return silent


def _listen(selector: selectors.BaseSelector, unresponsive: dict[int, bool], end: float) -> None:
    """Remove the ranks that answer, until ``end`` or until all have answered."""
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
    """Whether the acceptor spoke or closed the connection. Once connected, we say that nothing will come from us. Raises an
    OSError where there is no connection."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    if event == selectors.EVENT_WRITE:
        sock.shutdown(socket.SHUT_WR)
        return False
    sock.recv(1)
    return True


def _ask(selector: selectors.BaseSelector, rank: int, address: Address) -> None:
    """Begin a connection to the rank; where that fails, the rank stays silent."""
    sock = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.connect_ex(place)
        selector.register(sock, selectors.EVENT_WRITE, rank)
    except OSError as error:
        if sock is not None:
            sock.close()
        check_descriptors(error)
