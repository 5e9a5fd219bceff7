"""A standalone cluster of two workers on this machine, and jobs that are submitted to it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from tests.matrix.cells import ROOT

HOME = Path(pyspark.__file__).parent
START_SECONDS, JOB_SECONDS = 60, 300


def packed(folder: Path) -> Path:
    """The package as a zip for --py-files."""
    return Path(shutil.make_archive(str(folder / "spark_deepnet"), "zip", ROOT, "spark_deepnet"))


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of its master, once both workers of one core each have come."""
    with ExitStack() as stack:
        stack.enter_context(_daemon(folder, "master", "master.Master", "--host", "127.0.0.1", "--port", "0"))
        address = _said(folder / "master", r"(spark://127\.0\.0\.1:\d+)")
        for name in ("worker1", "worker2"):
            options = (
                "--host",
                "127.0.0.1",
                "--cores",
                "1",
                "--memory",
                "1g",
                "--work-dir",
                str(folder / f"{name}-work"),
            )
            stack.enter_context(_daemon(folder, name, "worker.Worker", *options, address))
        for name in ("worker1", "worker2"):
            _said(folder / name, "(Successfully registered with master)")
        yield address


def submitted(address: str, folder: Path, script: Path, *files: Path) -> str:
    """What a script prints that spark-submit runs here, in client mode, its modules sent with it."""
    command = [
        str(HOME / "bin/spark-submit"), "--master", address, "--executor-memory", "1g", "--py-files",
        ",".join(map(str, files)), "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1", str(script),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=JOB_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SPARK_HOME")}
    return kept | {"PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"}


@contextmanager
def _daemon(folder: Path, name: str, kind: str, *options: str) -> Iterator[None]:
    command = [str(HOME / "bin/spark-class"), f"org.apache.spark.deploy.{kind}", "--webui-port", "0", *options]
    with (folder / name).open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdout=log, stderr=log, start_new_session=True
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
