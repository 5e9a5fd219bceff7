"""``python -m tests.matrix``: the acceptance on each cell, in an environment of its own that is kept, and its table.

With ``--only TEXT`` the cells whose names have it; without, the table of docs/install.md is made anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.matrix.cells import PYTHONS, ROOT, Cell, cells, requirements
from tests.page import DOCS, rewrite, table

FOLDER = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "spark_deepnet-matrix"
ACCEPTANCE = Path(__file__).parent / "acceptance.py"
INSTALL_SECONDS, RUN_SECONDS, START_SECONDS = 900, 600, 90
PASSED, ABSENT = "passed", "not available here: "


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("--only", default="", help="a text that the names of the cells have")
    only = parser.parse_args(arguments).only
    results = {}
    for cell in (cell for cell in cells() if only in cell.name):
        began = time.monotonic()
        results[cell] = result_of(cell)
        print(f"{cell.name}: {results[cell]} ({time.monotonic() - began:.0f} s)", flush=True)
    if not only:
        rewrite(DOCS / "install.md", {"matrix": as_table(results)}, "matrix")
    return int(any(not result.startswith((PASSED, ABSENT)) for result in results.values()))


def result_of(cell: Cell) -> str:
    """passed, not available here and why, or failed and the last line of what it said."""
    python, java = python_of(cell.python), java_of(cell.java)
    if python is None:
        return f"{ABSENT}Python {cell.python}"
    if java is None:
        return f"{ABSENT}Java {cell.java}"
    try:
        own = installed(cell, python)
        environment = os.environ | {"JAVA_HOME": java, "PATH": f"{own.parent}:{java}/bin:{os.environ['PATH']}"}
        for name in ("PYTHONPATH", "SPARK_HOME", "PYSPARK_PYTHON", "SPARK_SUBMIT_OPTS"):
            environment.pop(name, None)
        if not cell.client:
            return run([str(own), str(ACCEPTANCE)], environment, RUN_SECONDS).splitlines()[-1]
        with server(installed(Cell(cell.spark, cell.python), python), environment) as address:
            return run([str(own), str(ACCEPTANCE), address], environment, RUN_SECONDS).splitlines()[-1]
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"" if isinstance(error.stderr, bytes) else error.stderr or "") or str(error)
        lines = [line for line in str(said).splitlines() if line.strip()]
        return f"failed: {lines[-1][:200] if lines else 'it ended without a word'}"


def run(command: Sequence[str], environment: dict[str, str], seconds: float) -> str:
    """Its output, in a folder of its own, so that only what is installed is imported."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=True, timeout=seconds
        )
    return done.stdout


def installed(cell: Cell, python: str) -> Path:
    """The Python of the cell's environment, in which its packages and the checkout's own are."""
    folder = FOLDER / cell.environment
    own = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", str(folder)], dict(os.environ), INSTALL_SECONDS)
        _pip(own, *requirements(cell))
        (folder / "ready").touch()
    _pip(own, "--no-deps", "--force-reinstall", str(ROOT))
    return own


def _pip(own: Path, *what: str) -> None:
    run(
        [str(own), "-m", "pip", "install", "-q", "--disable-pip-version-check", *what],
        dict(os.environ),
        INSTALL_SECONDS,
    )


def python_of(version: str) -> str | None:
    """One that runs, of those on PATH and of pyenv's."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for name in (f"python{version}", *map(str, kept)):
        try:
            found = subprocess.run([name, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"],
                                   capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        if found == version:
            return name
    return None


def java_of(version: str) -> str | None:
    """The home of this Java on this machine."""
    homes = [Path(os.environ.get("JAVA_HOME", "/nowhere")), *sorted(Path("/usr/lib/jvm").glob("*"))]
    return next((str(home) for home in homes if _major(home) == version), None)


def _major(home: Path) -> str | None:
    try:
        said = subprocess.run([str(home / "bin/java"), "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(\d+)', said)
    return found and found[1]


@contextmanager
def server(python: Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of a Spark Connect server of the full package."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    submit = python.parent / "spark-submit"
    command = [
        str(submit), "--master", "local[2]", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
        "--conf", f"spark.connect.grpc.binding.port={port}", "--conf", "spark.ui.enabled=false", "spark-internal",
    ]  # fmt: skip
    environment = environment | {"PYSPARK_PYTHON": str(python)}
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(port)
            yield f"sc://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)
            process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)


def as_table(results: dict[Cell, str]) -> str:
    """A row for each Spark, Java and set of packages, a column for each Python."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for cell, result in results.items():
        kind = f"{cell.packages}{', pyspark-client' if cell.client else ''}"
        rows.setdefault((cell.spark, cell.java, kind), {})[cell.python] = result
    head = ("PySpark", "Java", "packages", *(f"Python {python}" for python in PYTHONS))
    return table(head, [(*key, *(own.get(python, "") for python in PYTHONS)) for key, own in sorted(rows.items())])


if __name__ == "__main__":
    sys.exit(main())
