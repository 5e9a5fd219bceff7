"""``python -m tests.hosts N [--delay 20ms] [--rate 100mbit] [--loss 0.1%] script.py [its arguments]``: a script as the
driver of a Spark cluster of N workers, each on a host of its own."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.hosts.link import Link, add_options
from tests.hosts.namespaces import Hosts, HostsError
from tests.hosts.spark_cluster import spark_on


def main(arguments: Sequence[str] | None = None) -> int:
    """The script's exit code; 2 where there can be no hosts here."""
    given = _parsed(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        hosts = Hosts(given.workers + 1, Link(given.delay, given.rate, given.loss), ipv6_only=given.ipv6_only,
                      unnamed=given.unnamed, seed=given.seed)  # fmt: skip
    except (HostsError, ValueError) as error:
        print(f"tests.hosts: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name, hosts, spark_on(hosts, Path(name)) as spark:
        command = spark.command(given.script.resolve(), given.arguments)
        code = subprocess.run(command, env=spark.environment, check=False).returncode
        print(f"tests.hosts: {_words(hosts)}", file=sys.stderr)
    return code


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("workers", type=int, help="hosts with a worker of one core; one more is the driver's")
    add_options(parser)
    parser.add_argument("--ipv6-only", action="store_true", help="no addresses of IPv4 beside the loopback's")
    parser.add_argument("--unnamed", action="store_true", help="the hosts' own name does not resolve")
    parser.add_argument("--seed", type=int, default=0, help="of losses (0)")
    parser.add_argument("script", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the script")
    return parser.parse_args(arguments)


def _words(hosts: Hosts) -> str:
    counts = hosts.counts()
    return (
        f"{counts['arrived']} packets of {counts['arrived_bytes'] / 1e6:.1f} MB arrived, {counts['lost']} were lost, "
        f"{counts['queue_full']} met a full queue; the router took {counts['cpu_seconds']:.1f} s of a core"
    )


def _end(number: int, frame: FrameType | None) -> None:
    """As after an error, so that all is removed."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
