"""One kind of Spark session a process: Connect and classic do not live side by side, and a local-cluster wants executors
of its own. The tests of each kind run in a child process, those of classic sessions in two, by their files; three run at
once, because most of their time is waiting. The children's reports are told here one by one, so every test is seen under its
own name as if it had run in this process.
They come behind all tests that need no session, which have compiled the kernels by then.

A test that asks for ``spark`` runs on a classic session, or on those of ``@pytest.mark.sessions("classic", "connect")``;
with ``slowly="connect"`` on that one among the slow tests, where another of its file goes the same way in every run.
To run one kind in this very process, as for a debugger: SPARK_DEEPNET_TEST_SESSION=connect pytest tests/spark -s
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.spark.sessions import STARTS

KIND = "SPARK_DEEPNET_TEST_SESSION"
PIPE = "SPARK_DEEPNET_TEST_PIPE"
KINDS = tuple(STARTS)
LANES = {"classic": 2}  # processes of a kind, where they are several
AT_ONCE = 3  # processes
DAEMON = Path(__file__).parent / "daemon"  # the folder of the module that Spark starts its Python workers from
LONGEST = 600.0  # seconds that one test may take, its session's start with it


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        session = STARTS[request.param](folder)
        yield session
        session.stop()


@pytest.fixture(scope="session")
def kind(spark: Any) -> str:
    """Which kind of session this is."""
    return os.environ[KIND]


@pytest.hookimpl(tryfirst=True)  # so that the names of tests do not depend on what else runs
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "spark" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("sessions")
        kinds = [*marker.args] if marker else ["classic"]
        if marker and "slowly" in marker.kwargs:
            kinds.append(pytest.param(marker.kwargs["slowly"], marks=pytest.mark.slow))
        metafunc.parametrize("spark", kinds, indirect=True, scope="session")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "sessions(*kinds, slowly=None): the kinds of Spark session that the test runs on"
    )
    if PIPE in os.environ:
        config.pluginmanager.register(Teller(config, int(os.environ[PIPE])))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=place_of)
    if own := os.environ.get(KIND):
        others = [item for item in items if kind_of(item) not in (None, own)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def place_of(item: pytest.Item) -> tuple[int, int]:
    """Lane by lane, behind all tests that need no session, and the examples, which start sessions of their own, between."""
    if lane := lane_of(item):
        return KINDS.index(lane[0]), lane[1]
    return (-1 if "examples" in item.path.parts else -2), 0


def lane_of(item: pytest.Item) -> tuple[str, int] | None:
    """The kind of session, and which of its processes the file's tests run in."""
    kind = kind_of(item)
    return None if kind is None else (kind, zlib.crc32(item.path.name.encode()) % LANES.get(kind, 1))


def kind_of(item: pytest.Item) -> Any:
    return item.callspec.params.get("spark") if hasattr(item, "callspec") else None


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    lane = lane_of(item)
    if lane is None or KIND in os.environ:
        return None
    if not _children:
        _start(item.session)
    child = _children[lane]
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in child.reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    if nextitem is None or lane_of(nextitem) != lane:
        child.end()
    item.session._setupstate.teardown_exact(nextitem)
    return True


def pytest_unconfigure() -> None:
    _turns.shutdown(wait=False, cancel_futures=True)
    for child in _children.values():
        child.close()
    _children.clear()


_children: dict[tuple[str, int], Child] = {}
_turns = ThreadPoolExecutor(AT_ONCE)


def _start(session: pytest.Session) -> None:
    """The first lanes at once, each of the others as soon as one has ended."""
    for lane in dict.fromkeys(filter(None, map(lane_of, session.items))):
        tests = [item.nodeid for item in session.items if lane_of(item) == lane]
        _children[lane] = Child(lane[0], tests, session.config)
        _turns.submit(_children[lane].run)


class Child:
    """A process that runs the tests of one lane, in a folder of its own: what Spark leaves behind stays there, and its
    workers must find the package as an installed one."""

    def __init__(self, kind: str, tests: list[str], config: pytest.Config) -> None:
        self.kind, self.tests, self.config = kind, tests, config
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the child
        self.process: subprocess.Popen[bytes] | None = None
        self.told: queue.Queue[str | None] = queue.Queue()

    def run(self) -> None:
        """The process from its start to its end, in a thread that listens to it."""
        reading, writing = os.pipe()
        try:
            self.process = self._started(writing)
            os.close(writing)
            with open(reading) as lines:
                for line in lines:
                    self.told.put(line)
            self.process.wait()
        finally:
            self.told.put(None)

    def _started(self, writing: int) -> subprocess.Popen[bytes]:
        root, environment = self.config.rootpath, {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--rootdir={root}", f"-c{self.config.inipath}", "-m", "",
             "-p", "no:cacheprovider", *(f"{root}/{test}" for test in self.tests)],
            cwd=self.folder.name,
            env=environment | {KIND: self.kind, PIPE: str(writing), "PYTHONPATH": str(DAEMON)},
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            process_group=0,  # in the same session, so that the scheduler weighs its processes as those of the other passes
        )  # fmt: skip

    def reports(self, item: pytest.Item) -> Iterator[Any]:
        """Set-up, call and teardown of one test; where the child dies or hangs within it, a failure that says so."""
        while True:
            try:
                line = self.told.get(timeout=LONGEST)
            except queue.Empty:
                self.kill()
                yield self._lost(item, f"took more than {LONGEST:g} s")
                return
            if line is None:
                self.told.put(None)
                yield self._lost(item, "was not told of before the process ended")
                return
            report = self.config.hook.pytest_report_from_serializable(config=self.config, data=json.loads(line))
            if isinstance(report.longrepr, list):  # why it was skipped, which JSON has no tuple for
                report.longrepr = tuple(report.longrepr)
            if report.nodeid != item.nodeid:
                yield self._lost(item, f"was expected, but {report.nodeid} was told of")
                return
            yield report
            if report.when == "teardown":
                return

    def _lost(self, item: pytest.Item, what: str) -> pytest.TestReport:
        self.output.seek(0)
        text = f"On the {self.kind} session this test {what}. What the process said:\n{self.output.read()[-20000:]}"
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")

    def end(self) -> None:
        try:
            if self.process is not None:
                self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        self.kill()
        self.output.close()
        self.folder.cleanup()


class Teller:
    """In a child: tells the parent every report."""

    def __init__(self, config: pytest.Config, pipe: int) -> None:
        self.config, self.pipe = config, open(pipe, "w")  # noqa: SIM115 - for as long as the process lives

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        print(json.dumps(data, default=str), file=self.pipe, flush=True)
