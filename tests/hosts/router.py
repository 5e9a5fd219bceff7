"""The process between the hosts: it reads the packets of their TUN devices, and writes each where it goes when it is due.

It obeys a socket of messages: ``down 1`` and ``up 1`` for the link of host 1, ``counts`` for none, and
answers each with what it has counted. It ends with that socket."""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import sys
import time
from contextlib import suppress

from tests.hosts.link import Link
from tests.hosts.switch import Switch

PACKETS_IN_TURN = 64
"""Packets of one host that are read before what is due is written."""
MAX_PACKET_BYTES = 1 << 16
SET_TIMER_SLACK = 29
"""Of prctl: nanoseconds that the system may wake us late, 50,000 unless set."""
NICENESS = -15
"""A link does not wait for a core."""


class Router:
    """``control``: messages; ``tuns``: descriptors, in the order of the switch's ports."""

    def __init__(self, control: socket.socket, tuns: list[int], switch: Switch) -> None:
        self._control, self._tuns, self._switch = control, tuns, switch
        self._ports = {fd: port for port, fd in enumerate(tuns)}
        self._waits_for = [control.fileno(), *tuns]

    def run(self) -> None:
        while True:
            for fd in select.select(self._waits_for, (), (), self._seconds())[0]:
                if fd in self._ports:
                    self._read(fd)
                elif not self._obey():
                    return
            for port, packet in self._switch.leaving(time.monotonic()):
                with suppress(OSError):  # a host that has ended
                    os.write(self._tuns[port], packet)

    def _seconds(self) -> float | None:
        due = self._switch.next_time
        return None if due is None else max(0.0, due - time.monotonic())

    def _read(self, fd: int) -> None:
        for _ in range(PACKETS_IN_TURN):
            try:
                packet = os.read(fd, MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError:  # a host that has ended
                self._waits_for.remove(fd)
                return
            self._switch.enter(self._ports[fd], packet, time.monotonic())

    def _obey(self) -> bool:
        """Whether there was a message."""
        message = self._control.recv(1000).decode()
        if not message:
            return False
        what, _, host = message.partition(" ")
        if what in ("up", "down"):
            self._switch.is_up[int(host)] = what == "up"
        self._control.send(json.dumps({"cpu_seconds": time.process_time(), **self._switch.summary()}).encode())
        return True


def main() -> None:
    """``python -m tests.hosts.router``: link, routes and seed as JSON, the devices' descriptors, and the socket's."""
    given = json.loads(sys.argv[1])
    *tuns, control = map(int, sys.argv[2:])
    ctypes.CDLL(None).prctl(SET_TIMER_SLACK, 1)
    with suppress(OSError):
        os.nice(NICENESS)
    routes = {bytes.fromhex(address): port for address, port in given["routes"].items()}
    with socket.socket(fileno=control) as messages:
        Router(messages, tuns, Switch(Link(**given["link"]), routes, given["seed"])).run()


if __name__ == "__main__":
    main()
