"""What a link gives: `python -m tests.hosts.probe [--delay 5ms] [--rate 100mbit] [--loss 0.1%]` prints the round trip of a
byte and the rate of one stream, over TCP between two hosts, and over the loopback without them."""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.hosts.link import Link, add_options
from tests.hosts.namespaces import ROOT, Hosts

ROUND_TRIPS = 200
CHUNK = bytes(1 << 16)
STREAM_BITS, MAX_STREAM_BITS = 16e6, 8e9


@dataclass(frozen=True)
class Probe:
    """Of a link."""

    round_trip: float
    """Seconds, the median."""
    late_round_trip: float
    """Seconds that nine of ten do not exceed."""
    rate: float
    """Bits a second of data."""


def probe(hosts: Hosts | None, seconds: float = 3.0, host: str = "127.0.0.1") -> Probe:
    """From host 0 to host 1, or over the loopback. ``seconds``: for round trips at most, and about as many for the stream
    where the link has a rate."""
    here = hosts.addresses[1] if hosts else host
    served, called = ([sys.executable, "-m", "tests.hosts.probe", what] for what in ("--serve", "--call"))
    bits = min(MAX_STREAM_BITS, max(STREAM_BITS, seconds * hosts.link.rate)) if hosts else MAX_STREAM_BITS
    with subprocess.Popen(_on(hosts, 1, [*served, here]), cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        command = _on(hosts, 0, [*called, here, port, str(int(bits / 8)), str(seconds)])
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Probe(**json.loads(done.stdout))


def _on(hosts: Hosts | None, host: int, command: Sequence[str]) -> list[str]:
    return hosts.command(host, command) if hosts else list(command)


def serve(host: str) -> None:
    """Echo bytes until the first that is not 0, then read to the end, and say so by one byte."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        print(listener.getsockname()[1], flush=True)
        with listener.accept()[0] as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (byte := sock.recv(1)) == b"\0":
                sock.send(byte)
            while sock.recv(1 << 20):
                pass
            sock.send(b"\1")


def call(host: str, port: int, count: int, seconds: float) -> Probe:
    """``count``: bytes of the stream; ``seconds``: for round trips, at most."""
    with socket.create_connection((host, port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips = _round_trips(sock, seconds)
        began = time.perf_counter()
        sock.send(b"\1")
        for _ in range(count // len(CHUNK)):
            sock.sendall(CHUNK)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
        # the last byte's way and that of its echo are no part of the stream
        seconds = time.perf_counter() - began - statistics.median(trips)
    return Probe(statistics.median(trips), sorted(trips)[9 * len(trips) // 10], 8 * count / seconds)


def _round_trips(sock: socket.socket, seconds: float) -> list[float]:
    trips: list[float] = []
    end = time.perf_counter() + seconds
    while len(trips) < ROUND_TRIPS and time.perf_counter() < end:
        began = time.perf_counter()
        sock.send(b"\0")
        sock.recv(1)
        trips.append(time.perf_counter() - began)
    return trips


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.probe", description=__doc__)
    add_options(parser)
    link = Link(**vars(parser.parse_args()))
    with Hosts(2, link) as hosts:
        before = hosts.counts()
        between = probe(hosts)
        cpu = hosts.counts()["cpu_seconds"] - before["cpu_seconds"]
    for name, found in (("loopback", probe(None)), ("hosts", between)):
        print(f"{name}: round trip {1e3 * found.round_trip:.3f} ms (nine of ten within {1e3 * found.late_round_trip:.3f}), "
              f"{found.rate / 1e6:.0f} Mbit/s")  # fmt: skip
    print(f"router: {cpu:.2f} s of a core")


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or [""]
    if what == "--serve":
        serve(*rest)
    elif what == "--call":
        print(json.dumps(call(rest[0], int(rest[1]), int(rest[2]), float(rest[3])).__dict__))
    else:
        main()
