"""The first process of a host: it makes the host's network device, sends it to who has started it, and lives as long as
that one does; with it ends every process of the host, for it is the first of its process namespace."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile

DEVICE = "eth0"
SET_INTERFACE, TUN_DEVICE, NO_PACKET_INFO = 0x400454CA, 0x0001, 0x1000
QUEUE_PACKETS = 1000


def main() -> None:
    """``python -m tests.hosts.host``: what `set_up` takes, as JSON, and the socket's descriptor."""
    given = json.loads(sys.argv[1])
    with socket.socket(fileno=int(sys.argv[2])) as starter:
        try:
            tun = opened_tun()
            set_up(**given)
        except (OSError, subprocess.CalledProcessError) as error:
            starter.send(f"{error} {getattr(error, 'stderr', None) or ''}".strip().encode())
            return
        socket.send_fds(starter, [b"ready"], [tun])
        os.close(tun)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans that end are our children
        for ignored in (signal.SIGINT, signal.SIGTERM):  # of a terminal: the starter decides
            signal.signal(ignored, signal.SIG_IGN)
        starter.recv(1)


def opened_tun() -> int:
    """A device of this namespace, without a link layer: what is read and written are IP packets."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, SET_INTERFACE, struct.pack("16sH22x", DEVICE.encode(), TUN_DEVICE | NO_PACKET_INFO))
    return tun


def set_up(name: str, addresses: list[str], mtu: int, names: str) -> None:
    """Addresses with the length of their prefix, and no route but to the other hosts. ``names``: for /etc/hosts, which only
    this namespace of mounts sees."""
    socket.sethostname(name)
    _ip("link", "set", "lo", "up")
    for address in addresses:
        _ip("addr", "add", address, "dev", DEVICE, *(("nodad",) if ":" in address else ()))
    _ip("link", "set", DEVICE, "mtu", str(mtu), "txqueuelen", str(QUEUE_PACKETS), "up")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(names)
        file.flush()
        _run("mount", "--bind", file.name, "/etc/hosts")


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    main()
