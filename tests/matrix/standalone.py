"""A standalone cluster, of two workers on this machine unless others are given, and jobs that are submitted to it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

from tests.matrix.cells import ROOT

HOME = Path(pyspark.__file__).parent
START_SECONDS, JOB_SECONDS = 60, 300


def packed(folder: Path) -> Path:
    """The package as a zip for --py-files."""
    return Path(shutil.make_archive(str(folder / "spark_deepnet"), "zip", ROOT, "spark_deepnet"))


@dataclass(frozen=True)
class Machine:
    """Where a daemon or a driver runs."""

    address: str = "127.0.0.1"
    enter: Callable[[Sequence[str]], list[str]] = list
    """The command that runs a command there."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside our own."""

    @property
    def host(self) -> str:
        """The address as Spark writes it."""
        return f"[{self.address}]" if ":" in self.address else self.address


HERE = Machine()


@contextmanager
def cluster(folder: Path, master: Machine = HERE, workers: Sequence[Machine] = (HERE, HERE)) -> Iterator[str]:
    """The address of its master, once all workers, of one core each, have come."""
    with ExitStack() as stack:
        stack.enter_context(_daemon(folder, "master", master, "master.Master", "--port", "0"))
        address = _said(folder / "master", rf"(spark://{re.escape(master.host)}:\d+)")
        names = [f"worker{number}" for number, _ in enumerate(workers, 1)]
        for name, machine in zip(names, workers, strict=True):
            options = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"{name}-work"), address)
            stack.enter_context(_daemon(folder, name, machine, "worker.Worker", *options))
        for name in names:
            _said(folder / name, "(Successfully registered with master)")
        yield address


def submitted(address: str, folder: Path, script: Path, *files: Path) -> str:
    """What a script prints that spark-submit runs here, in client mode, its modules sent with it."""
    command = submission(address, script, ["--py-files", ",".join(map(str, files))])
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=JOB_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def submission(
    address: str, script: Path, options: Sequence[str] = (), arguments: Sequence[str] = (), driver: Machine = HERE
) -> list[str]:
    """The command that runs a script as the driver of a cluster, in client mode."""
    command = [
        str(HOME / "bin/spark-submit"), "--master", address, "--executor-memory", "1g",
        "--conf", "spark.ui.enabled=false", "--conf", f"spark.driver.host={driver.host}", *options, str(script), *arguments,
    ]  # fmt: skip
    return driver.enter(command)


def environment(machine: Machine = HERE) -> dict[str, str]:
    """Of a daemon, and of a driver."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SPARK_HOME")}
    return kept | {"PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"} | dict(machine.environment)


@contextmanager
def _daemon(folder: Path, name: str, machine: Machine, kind: str, *options: str) -> Iterator[None]:
    command = [
        str(HOME / "bin/spark-class"), f"org.apache.spark.deploy.{kind}", "--host", machine.host, "--webui-port", "0",
        *options,
    ]  # fmt: skip
    with (folder / name).open("w") as log:
        process = subprocess.Popen(
            machine.enter(command), cwd=folder, env=environment(machine), stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _said(log: Path, pattern: str) -> str:
    """The group of the pattern, once a daemon's log has it."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise TimeoutError(f"{log.name} did not say {pattern!r}:\n{log.read_text()[-2000:]}")
