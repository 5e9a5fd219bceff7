"""Hosts on this machine, without Spark. Times have bounds that a busy machine does not break: nothing comes early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hosts import namespaces
from tests.hosts.link import Link
from tests.hosts.namespaces import NOWHERE, ROOT, Hosts, HostsError, unavailable
from tests.hosts.probe import probe

pytestmark = pytest.mark.long
needs_hosts = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "hosts")
every_family = pytest.mark.parametrize("ipv6_only", [False, True], ids=["IPv4", "IPv6"])
RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 80), float(sys.argv[2]))
except OSError as error:
    print(error)
"""


@needs_hosts
@every_family
def test_a_link_has_its_delay_and_its_rate(ipv6_only: bool) -> None:
    with Hosts(2, Link(delay=0.005, rate=1e8), ipv6_only=ipv6_only) as hosts:
        found = probe(hosts, seconds=0.3)
        counts = hosts.counts()
    assert found.round_trip >= 0.010
    assert 5e6 < found.rate < 1.05e8
    assert counts["arrived_bytes"] > 0.3 * 1e8 / 8


@needs_hosts
def test_a_stream_arrives_whole_over_a_link_with_losses() -> None:
    with Hosts(2, Link(rate=2e8, loss=0.01)) as hosts:
        probe(hosts, seconds=0.2)
        assert hosts.counts()["lost"] > 0


@needs_hosts
def test_a_link_goes_down_and_comes_back() -> None:
    with Hosts(3) as hosts:
        hosts.down(2)
        assert not _reaches(hosts, 0, 2, seconds=0.5)
        assert not _reaches(hosts, 2, 1, seconds=0.5)
        assert _reaches(hosts, 0, 1)
        hosts.up(2)
        assert _reaches(hosts, 0, 2)
        assert _reaches(hosts, 2, 1)


@needs_hosts
@every_family
def test_a_host_knows_its_name_and_those_of_the_others_and_no_way_out(ipv6_only: bool) -> None:
    with Hosts(2, ipv6_only=ipv6_only) as hosts:
        outside = hosts.run(1, [sys.executable, "-c", CONNECT, "fd01::1" if ipv6_only else "192.0.2.1", "5"]).stdout
        assert hosts.run(1, ["hostname"]).stdout == "host1\n"
        names = Path("/etc/hosts").read_text()
        assert f"{hosts.addresses[0]} host0" in hosts.run(1, ["cat", "/etc/hosts"]).stdout
    assert "Network is unreachable" in outside
    assert "host0" not in names, "only the hosts' own"


@needs_hosts
def test_an_address_of_the_other_family_is_not_there() -> None:
    with Hosts(1, ipv6_only=True) as hosts:
        listed = hosts.run(0, ["ip", "-o", "addr"]).stdout
        assert "10.9." not in listed
        assert "fd00:9::1/64" in listed


@needs_hosts
def test_a_name_that_does_not_resolve() -> None:
    with Hosts(2, unnamed=True) as hosts:
        assert hosts.run(1, ["hostname"]).stdout == f"{NOWHERE}\n"
        assert "gaierror" in hosts.run(1, [sys.executable, "-c", RESOLVE, NOWHERE]).stderr


@needs_hosts
def test_a_host_ends_with_its_processes() -> None:
    with Hosts(1) as hosts:
        command = hosts.command(0, ["sh", "-c", "echo here; exec sleep 1000"])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        assert process.poll() is None
    with process:
        assert process.wait(10) != 0


MADE = """
import os, signal, subprocess, time
from tests.hosts.namespaces import Hosts

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell lets its background processes ignore

with Hosts(2) as hosts:
    subprocess.Popen(hosts.command(1, ["sleep", "1000"]))
    print(*(os.readlink(f"/proc/{process.pid}/ns/net") for process in hosts._first), flush=True)
    """


@needs_hosts
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None], ids=str)
def test_nothing_is_left_however_it_ends(end: signal.Signals | None) -> None:
    script = MADE + ("time.sleep(1000)" if end else "raise KeyError('a fault')")
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        made = set(process.stdout.readline().split())
        assert len(made) == 2
        assert made <= _namespaces() or not end
        if end:
            process.send_signal(end)
        try:
            process.wait(20)
        finally:
            process.kill()
    until = time.monotonic() + 20
    while _namespaces() & made and time.monotonic() < until:
        time.sleep(0.05)
    assert not _namespaces() & made


def test_too_few_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 250 hosts, found 0"):
        Hosts(0)


def test_where_there_can_be_none_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "unavailable", lambda: "network namespaces need Linux and root")
    with pytest.raises(HostsError, match="need Linux and root"):
        Hosts(1)


def test_a_user_without_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unavailable.__wrapped__() == "network namespaces need Linux and root"


@needs_hosts
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert unavailable.__wrapped__() == (
        "no ip and no unshare and no nsenter and no mount on PATH (iproute2, util-linux)"
    )


def _namespaces() -> set[str]:
    """The network namespaces of all processes."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(process))
        except OSError:  # it has ended
            continue
    return found


def _reaches(hosts: Hosts, sender: int, receiver: int, seconds: float = 20.0) -> bool:
    """Whether the receiver's system answers, if only that nobody listens."""
    command = [sys.executable, "-c", CONNECT, hosts.addresses[receiver], str(seconds)]
    answer = hosts.run(sender, command).stdout
    assert "refused" in answer or "timed out" in answer, answer
    return "refused" in answer
