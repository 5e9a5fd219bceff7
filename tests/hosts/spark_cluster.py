"""Spark's standalone cluster over hosts: master and driver on host 0, a worker of one core on each of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.namespaces import ROOT, Hosts
from tests.matrix.standalone import Machine, cluster, environment, submission

IPV6 = "-Djava.net.preferIPv6Addresses=true"
BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Of JVMs that share a machine and live for minutes: no second compiler, no threads that collect garbage."""


@dataclass(frozen=True)
class SparkOnHosts:
    """Runs drivers."""

    address: str
    """Of the master."""
    driver: Machine

    def command(self, script: Path, arguments: Sequence[str] = (), **settings: str) -> list[str]:
        """That which runs a script as the driver, on host 0; settings of Spark with _ for each dot."""
        given = {"spark.executor.extraJavaOptions": _java_options(self.driver)}
        given |= {name.replace("_", "."): value for name, value in settings.items()}
        options = ["--driver-java-options", _java_options(self.driver)]
        options += [word for name, value in given.items() for word in ("--conf", f"{name}={value}")]
        return submission(self.address, script, options, arguments, self.driver)

    @property
    def environment(self) -> dict[str, str]:
        """In which the command is to run."""
        return environment(self.driver)


@contextmanager
def spark_on(hosts: Hosts, folder: Path) -> Iterator[SparkOnHosts]:
    """Its daemons write their logs into the folder. Workers import the package from this checkout, which all hosts see."""
    machines = [_machine(hosts, host) for host in range(len(hosts.addresses))]
    with cluster(folder, machines[0], machines[1:]) as address:
        yield SparkOnHosts(address, machines[0])


def _machine(hosts: Hosts, host: int) -> Machine:
    address = hosts.addresses[host]
    is_ipv6 = ":" in address
    given = {
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": address,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": " ".join([BRIEF, *[IPV6] * is_ipv6]),
    }
    if is_ipv6:
        given["SPARK_PREFER_IPV6"] = "true"
    return Machine(address, lambda command: hosts.command(host, command), given)


def _java_options(machine: Machine) -> str:
    return machine.environment["SPARK_DAEMON_JAVA_OPTS"]
