"""Drivers that are killed or interrupted in mid-fit: nothing is lost, and nothing goes on without them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet.spark.fit.checkpoints import FOLDER
from tests.spark.processes import tree

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
JOBS = 3  # of the whole fit


@contextmanager
def driver(folder: Path) -> Iterator[Any]:
    """The process, which has begun to fit; its folder of checkpoints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = folder.with_suffix(".txt")
    with said.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.spark.driver", str(folder)],
            cwd=folder.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        assert told(process) == {"fitting": True}, said.read_text()[-5000:]
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: Any) -> Any:
    line = process.stdout.readline()
    return json.loads(line) if line else None


def wait_for_checkpoint(folder: Path) -> None:
    end = time.monotonic() + 120
    while not list(folder.glob(f"{FOLDER}/*/metadata/_SUCCESS")):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.5)  # into the next job


def undisturbed(folder: Path) -> str:
    with driver(folder) as process:
        found = told(process)
    assert found["jobs"] == JOBS
    return str(found["weights"])


def check_gone_on(process: Any, whole: str) -> None:
    found = told(process)
    assert found["weights"] == whole
    assert found["jobs"] < JOBS, "those before the checkpoint were not made again"


def test_a_driver_that_is_killed_and_started_again(tmp_path: Path) -> None:
    whole = undisturbed(tmp_path / "whole")
    with driver(tmp_path / "cut") as process:
        wait_for_checkpoint(tmp_path / "cut")
        others = [pid for pid, _ in tree(process.pid)]
        process.kill()
        process.wait()
    end = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in others):
        assert time.monotonic() < end, "the JVM and its Python workers end with their driver"
        time.sleep(0.1)
    with driver(tmp_path / "cut") as process:
        check_gone_on(process, whole)


def test_ctrl_c(tmp_path: Path) -> None:
    whole = undisturbed(tmp_path / "whole")
    with driver(tmp_path / "cut") as process:
        wait_for_checkpoint(tmp_path / "cut")
        os.kill(process.pid, signal.SIGINT)
        assert told(process) == {"interrupted": True, "jobs": [], "busy": []}
        check_gone_on(process, whole)
        assert process.wait(60) == 0
