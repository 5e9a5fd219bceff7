"""Hosts on this machine: each has its own network, processes and name, and one link to the router.

Nothing is left behind, however we end: namespaces have no names, so they end with their last process, and a host's first
process ends when our end of its socket does, which the system closes. There is no route to anywhere else."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from tests.hosts.link import Link

ROOT = Path(__file__).parents[2]
NETWORKS = {4: ipaddress.ip_network("10.9.0.0/24"), 6: ipaddress.ip_network("fd00:9::/64")}
MAX_HOSTS = 250
NOWHERE = "nowhere.invalid"
"""A name that by RFC 6761 nobody resolves."""
KINDS = {"net": "net", "uts": "uts", "mount": "mnt", "pid": "pid_for_children"}
"""Namespaces of a host, as unshare and nsenter call them -> their files in /proc."""
UNSHARED = ["unshare", *(f"--{kind}" for kind in KINDS), "--fork", "--mount-proc"]
START_SECONDS = 20.0
MESSAGE_BYTES = 1000


class HostsError(Exception):
    """Why there are no hosts here."""


@cache
def unavailable() -> str:
    """Why this machine or user cannot have hosts; empty where it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    absent = [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]
    if absent:
        return f"no {' and no '.join(absent)} on PATH (iproute2, util-linux)"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"no TUN devices: {error}"
    tried = subprocess.run([*UNSHARED, "true"], capture_output=True, text=True, check=False)
    return f"namespaces are not allowed: {tried.stderr.strip()}" if tried.returncode else ""


class Hosts:
    """Hosts 0 to count - 1, named host0, ..., which know each other's names. ``ipv6_only``: without addresses of IPv4 beside
    the loopback's; ``unnamed``: all are called nowhere.invalid, which does not resolve."""

    def __init__(
        self, count: int, link: Link | None = None, *, ipv6_only: bool = False, unnamed: bool = False, seed: int = 0
    ) -> None:
        if not 1 <= count <= MAX_HOSTS:
            raise ValueError(f"1 to {MAX_HOSTS} hosts, found {count}")
        if reason := unavailable():
            raise HostsError(reason)
        self.link, self.seed, self.unnamed = link or Link(), seed, unnamed
        self._networks = [NETWORKS[6]] if ipv6_only else [NETWORKS[4], NETWORKS[6]]
        self.addresses = [str(self._networks[0][1 + host]) for host in range(count)]
        """The first of each host."""
        self._stack = ExitStack()
        self._first: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Hosts:
        with self._stack:
            tuns = [self._started(host) for host in range(len(self.addresses))]
            self._route(tuns)
            for tun in tuns:
                os.close(tun)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def command(self, host: int, command: Sequence[str]) -> list[str]:
        """That which runs a command on a host, in the folder and the environment that it is given."""
        files = f"/proc/{self._first[host].pid}/ns"
        return ["nsenter", *(f"--{kind}={files}/{file}" for kind, file in KINDS.items()), "--wd=.", "--", *command]

    def run(self, host: int, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """As subprocess.run does, with the output as text."""
        return subprocess.run(self.command(host, command), **({"capture_output": True, "text": True} | options))

    def down(self, host: int) -> None:
        """Whatever goes to the host or comes from it is lost from now on."""
        self._said(f"down {host}")

    def up(self, host: int) -> None:
        self._said(f"up {host}")

    def counts(self) -> Mapping[str, float]:
        """The router's seconds of a core, and packets by what became of them (`Counts`)."""
        return self._said("counts")

    def _said(self, message: str) -> Mapping[str, float]:
        self._router.send(message.encode())
        return dict(json.loads(self._router.recv(MESSAGE_BYTES)))

    def _started(self, host: int) -> int:
        """The host's device, once its first process has made it."""
        given = {
            "name": NOWHERE if self.unnamed else f"host{host}",
            "addresses": [f"{network[1 + host]}/{network.prefixlen}" for network in self._networks],
            "mtu": self.link.mtu,
            "names": self._names(),
        }
        process, ours = self._process([*UNSHARED, *_module("host"), json.dumps(given)])
        self._first.append(process)
        message, tuns, _, _ = socket.recv_fds(ours, MESSAGE_BYTES, 1)
        if not tuns:
            raise HostsError(f"host {host} did not start: {message.decode() or 'it ended without a word'}")
        return tuns[0]

    def _names(self) -> str:
        """The lines of /etc/hosts."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        if not self.unnamed:
            lines += [f"{address} host{host}" for host, address in enumerate(self.addresses)]
        return "\n".join(lines) + "\n"

    def _route(self, tuns: Sequence[int]) -> None:
        """Start the router over the hosts' devices."""
        hosts = range(len(tuns))
        routes = {network[1 + host].packed.hex(): host for network in self._networks for host in hosts}
        given = {"link": asdict(self.link), "routes": routes, "seed": self.seed}
        _, self._router = self._process([*_module("router"), json.dumps(given), *map(str, tuns)], tuns)
        self.counts()  # it runs

    def _process(
        self, command: Sequence[str], descriptors: Sequence[int] = ()
    ) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """A process and our end of its socket, with which it ends; in a group of its own, since Ctrl-C is for us."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(START_SECONDS)
        self._stack.callback(ours.close)
        with its:
            kept = [its.fileno(), *descriptors]
            given = [*command, str(its.fileno())]
            process = subprocess.Popen(given, cwd=ROOT, pass_fds=kept, start_new_session=True)
        self._stack.callback(_end, process, ours)
        return process, ours


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", f"tests.hosts.{name}"]


def _end(process: subprocess.Popen[bytes], socket_of_it: socket.socket) -> None:
    socket_of_it.close()
    process.wait()
