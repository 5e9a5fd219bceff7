"""The processes of a Spark session on this machine, for tests that kill some."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def tree(pid: int) -> list[tuple[int, str]]:
    """All descendants of a process, with their command lines."""
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        for child in below.get(todo.pop(), []):
            todo.append(child)
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found.append((child, command))
    return found


def executors(spark: Any) -> list[int]:
    """The executors' JVMs."""
    ours = tree(spark.sparkContext._gateway.proc.pid)
    return [pid for pid, command in ours if "CoarseGrainedExecutorBackend" in command and "java" in command.split()[0]]


def workers(spark: Any) -> list[int]:
    """The Python processes that one executor's tasks run in, and those that wait there for a task."""
    return workers_under(executors(spark)[0])


def workers_under(pid: int) -> list[int]:
    """The Python workers of a JVM, without the daemon that they are forked from."""
    return [child for child, command in tree(pid) if "pyspark.worker" in command][1:]


def busy(pid: int) -> list[int]:
    """Those of a JVM's Python workers that use a processor now."""
    pids = workers_under(pid)
    before = {worker: _ticks(worker) for worker in pids}
    time.sleep(0.5)
    return [worker for worker in pids if _ticks(worker) > before[worker] + 5]


def _ticks(pid: int) -> int:
    """Hundredths of a second of processor time; as if it never ran where it has gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return int(told[11]) + int(told[12])
