"""Ranks on hosts of their own, without Spark."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.hosts.link import Link
from tests.hosts.namespaces import ROOT, Hosts


def results(
    link: Link, size: int, deadline: float, sums: int, floats: int = 1000,
    meanwhile: Callable[[Hosts], None] = lambda hosts: None, **options: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """What each rank comes to. ``meanwhile`` is called once all have met."""
    with Hosts(size, link, **options) as hosts, ExitStack() as stack:
        words = [
            (str(rank), str(size), hosts.addresses[rank], *map(str, (deadline, sums, floats))) for rank in range(size)
        ]
        ranks = [stack.enter_context(_started(hosts, *each)) for each in words]
        addresses = [_line(rank) for rank in ranks]
        for rank in ranks:
            assert rank.stdin is not None
            rank.stdin.write(json.dumps(addresses) + "\n")
            rank.stdin.flush()
        meanwhile(hosts)
        return [json.loads(_line(rank)) for rank in ranks]


def _started(hosts: Hosts, rank: str, *words: str) -> subprocess.Popen[str]:
    command = hosts.command(int(rank), [sys.executable, "-m", "tests.hosts.rank", rank, *words])
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(rank: subprocess.Popen[str]) -> str:
    assert rank.stdout is not None
    return rank.stdout.readline().strip()
