"""``make chaos FITS=20 SEED=0``: fits that are disturbed at a random moment. The last line is ``N passed, M failed``; a fit
that passes comes to its end with the weights of the undisturbed fit, bit for bit, or with the sentence that it should.
Fits go round all kinds, modes and networks, three ranks each, and are cut into jobs by their checkpoints.
ONLY=kind,kind for some."""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import LSTM, Dense
from spark_deepnet.plan import storage
from spark_deepnet.spark.fit.barrier_fit import Jobs
from spark_deepnet.spark.fit.checkpoints import Checkpoints
from tests.spark.data import blobs, frame, same
from tests.spark.processes import busy, executors, workers_under
from tests.spark.sessions import _local, trio

RANKS = 3
LONGEST = 600.0  # seconds that a fit may take with its recovery
TRIES = 5  # fits that may end before they are hit
FROZEN = 20.0  # seconds
MODES: dict[str, dict[str, Any]] = {
    "data": {},
    "tau": {"syncEvery": 5, "syncState": "keep"},
    "block": {"modelBlocks": RANKS},
}
NETS: dict[str, dict[str, Any]] = {
    "dense": {"layers": [24, 96, 96, 3], "maxIter": 60},
    "lstm": {"layers": [LSTM(24), Dense(3, "softmax")], "inputShape": [6, 4], "maxIter": 30},
}
STRICT = {
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.task.maxFailures": "1",
    "spark.python.worker.reuse": "false",
}


@dataclass(frozen=True)
class Kind:
    """A way to disturb a fit."""

    help: str
    run: Callable[[Chaos, str, str], str]
    """Gives what was done, or raises an AssertionError."""
    strict: bool = False
    """Whether it wants a session of the settings above."""


class Chaos:
    """Fits on one session, and what disturbs them."""

    def __init__(self, spark: Any, folder: str, seed: int) -> None:
        self.spark, self.folder = spark, folder
        self.random = random.Random(seed)
        x, y = blobs(600, width=24)
        self.rows = frame(spark, x, y, id=list(range(len(y)))).cache()
        self.whole: dict[tuple[str, str], tuple[Any, float]] = {}
        """The undisturbed fits, and their seconds."""

    def net(self, mode: str, net: str, **more: Any) -> DeepNetEstimator:
        params: dict[str, Any] = MODES[mode] | NETS[net]
        params["checkpointInterval"] = params["maxIter"] // 3
        common: dict[str, Any] = {"batchSize": 12, "numTrainWorkers": RANKS, "learningRate": 0.003, "timeout": 60.0}
        common["standardization"] = False
        return DeepNetEstimator(**({"checkpointDir": f"{self.folder}/{uuid.uuid4().hex}"} | common | params | more))

    def undisturbed(self, mode: str, net: str, **more: Any) -> tuple[Any, float]:
        if (mode, net) not in self.whole:
            self.net(mode, net, **more).setMaxIter(1).fit(self.rows)  # what is slow once: kernels, Python workers
            began = time.perf_counter()
            self.whole[mode, net] = self.net(mode, net, **more).fit(self.rows), time.perf_counter() - began
        return self.whole[mode, net]

    def in_thread(self, job: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(job())
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread, outcome

    def ends_alike(self, thread: threading.Thread, outcome: list[Any], whole: Any) -> None:
        thread.join(LONGEST)
        assert outcome, "no end"
        if isinstance(outcome[0], Exception):
            raise AssertionError(f"{type(outcome[0]).__name__}: {outcome[0]}")
        assert same(outcome[0], whole), "other weights"

    def victims(self, found: Callable[[int], list[int]] = lambda pid: [pid]) -> list[int]:
        return [pid for executor in executors(self.spark) for pid in found(executor)]

    def kill(self, pids: list[int], sign: int = signal.SIGKILL) -> str:
        """What was done; nothing where the process has ended meanwhile."""
        victim = self.random.choice(pids)
        try:
            os.kill(victim, sign)
        except ProcessLookupError:
            return ""
        return f"{signal.Signals(sign).name} to {victim}"

    def wait_for_executors(self) -> None:
        """Until all slots are there again: a fit does not begin with fewer."""
        scheduler, end = self.spark.sparkContext._jsc.sc(), time.monotonic() + LONGEST
        while scheduler.getExecutorMemoryStatus().size() <= RANKS:  # the driver is one of them
            assert time.monotonic() < end, "executors do not come back"
            time.sleep(0.2)

    def later(self, seconds: float) -> str:
        """Kill an executor after at most so many seconds."""
        moment = self.random.uniform(0, seconds)
        timer = threading.Timer(moment, lambda: self.kill(self.victims()))
        timer.daemon = True
        timer.start()
        return f"an executor killed after {moment:.2f} s"

    def wait_for_stage(self) -> None:
        """Until all ranks run."""
        tracker = self.spark.sparkContext.statusTracker()
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            if any(info and info.numActiveTasks == RANKS for info in infos):
                return
            time.sleep(0.02)


def at_random(found: Callable[[int], list[int]], sign: int = signal.SIGKILL) -> Callable[[Chaos, str, str], str]:
    """A process of these is hit at a random moment of the fit; where the fit was faster, of another one."""

    def run(chaos: Chaos, mode: str, net: str) -> str:
        whole, seconds = chaos.undisturbed(mode, net)
        for _ in range(TRIES):
            moment = chaos.random.uniform(0.05, 0.95) * seconds
            thread, outcome = chaos.in_thread(lambda: chaos.net(mode, net).fit(chaos.rows))
            thread.join(moment)
            end = time.monotonic() + LONGEST
            while thread.is_alive() and time.monotonic() < end:
                pids = chaos.victims(found)
                if pids and (told := chaos.kill(pids, sign)):
                    chaos.ends_alike(thread, outcome, whole)
                    return f"{told} after {moment:.1f} s of {seconds:.1f}"
                time.sleep(0.01)
            chaos.ends_alike(thread, outcome, whole)
        raise AssertionError(f"{TRIES} fits had ended before they were hit")

    return run


@contextmanager
def called(owner: Any, name: str, number: int, then: Callable[[], Any]) -> Iterator[None]:
    """Before the method's call of this number, ``then`` is called."""
    own, calls = getattr(owner, name), [0]

    def method(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            then()
        return own(*args, **kwargs)

    setattr(owner, name, method)
    try:
        yield
    finally:
        setattr(owner, name, own)
    assert calls[0] >= number, f"{name} was called {calls[0]} times"


def on_call(
    owner: Any, name: str, numbers: tuple[int, ...], then: Callable[[Chaos], str], **more: Any
) -> Callable[[Chaos, str, str], str]:
    """Something is done where the driver is at a certain place, in one of its jobs."""

    def run(chaos: Chaos, mode: str, net: str) -> str:
        whole, _ = chaos.undisturbed(mode, net)
        number, told = chaos.random.choice(numbers), list[str]()
        params = more | ({"checkpointInterval": NETS[net]["maxIter"] - 1} if "last" in more else {})
        params.pop("last", None)
        with called(owner, name, number, lambda: told.append(then(chaos))):
            thread, outcome = chaos.in_thread(lambda: chaos.net(mode, net, **params).fit(chaos.rows))
            chaos.ends_alike(thread, outcome, whole)
        return f"{told[0]}, at {name} {number}"

    return run


def between_jobs(chaos: Chaos) -> str:
    return chaos.kill(chaos.victims())


def while_written(chaos: Chaos) -> str:
    return chaos.later(0.5)


def while_it_runs(seconds: float) -> Callable[[Chaos], str]:
    """Within so many seconds after all ranks have begun."""

    def then(chaos: Chaos) -> str:
        def run() -> None:
            chaos.wait_for_stage()
            chaos.later(seconds)

        threading.Thread(target=run, daemon=True).start()
        return f"an executor killed up to {seconds:g} s after the ranks began"

    return then


def in_transform(chaos: Chaos, mode: str, net: str) -> str:
    """Weights in blocks that stay on storage are scored with, while an executor is killed."""
    own, storage.DRIVER_WEIGHTS = storage.DRIVER_WEIGHTS, 0
    try:
        model = chaos.net("block", net, maxIter=3, checkpointInterval=1).fit(chaos.rows)
        scored = model.transform(chaos.rows).select("id", "probability")

        def scores() -> np.ndarray:
            return np.array([row[1].toArray() for row in sorted(scored.collect())])

        whole = scores()
        thread, outcome = chaos.in_thread(scores)
        told = chaos.later(2.0)
        thread.join(LONGEST)
    finally:
        storage.DRIVER_WEIGHTS = own
    assert outcome, "no end"
    assert isinstance(outcome[0], np.ndarray), f"{type(outcome[0]).__name__}: {str(outcome[0])[:500]}"
    assert np.array_equal(outcome[0], whole), "other scores"
    return told


def without_descriptors(chaos: Chaos, mode: str, net: str) -> str:
    """For some seconds a worker may open nothing more."""
    whole, seconds = chaos.undisturbed(mode, net)
    thread, outcome = chaos.in_thread(lambda: chaos.net(mode, net).fit(chaos.rows))
    thread.join(chaos.random.uniform(0, seconds))
    pids = chaos.victims(worth_killing) or chaos.victims(workers_under)
    hit = chaos.random.choice(pids)
    with suppress(OSError):  # gone meanwhile
        used, own = len(os.listdir(f"/proc/{hit}/fd")), resource.prlimit(hit, resource.RLIMIT_NOFILE)
        resource.prlimit(hit, resource.RLIMIT_NOFILE, (used, own[1]))
        thread.join(3.0)
        resource.prlimit(hit, resource.RLIMIT_NOFILE, own)
    chaos.ends_alike(thread, outcome, whole)
    return f"worker {hit} without descriptors for 3 s"


def changing(column: str) -> Callable[[Chaos, str, str], str]:
    """A column is another one in each job: the fit must say so."""

    def run(chaos: Chaos, mode: str, net: str) -> str:
        turn = F.unix_micros(F.current_timestamp())
        told = {
            "label": F.pmod(F.col("label") + turn, F.lit(3)).cast("double"),
            "held": F.pmod(F.col("id") + turn, F.lit(7)) == 0,
        }
        rows = chaos.rows.withColumn(column, told[column])
        more = {"validationIndicatorCol": "held"} if column == "held" else {}
        thread, outcome = chaos.in_thread(lambda: chaos.net(mode, net, **more).fit(rows))
        thread.join(LONGEST)
        assert outcome, "no end"
        assert "gave other rows than in the job before" in str(outcome[0]), f"found {outcome[0]!s:.300}"
        return "noticed"

    return run


def two_drivers(chaos: Chaos, mode: str, net: str) -> str:
    """Two processes fit with checkpoints in one folder: each ends with the weights of a fit alone, or refuses."""
    folder = f"{chaos.folder}/{uuid.uuid4().hex}"
    alone = ended(driver(f"{folder}-alone", chaos.folder))
    both = [ended(process) for process in [driver(folder, chaos.folder), driver(folder, chaos.folder)]]
    weights = {found for found, _ in [alone, *both] if found}
    refused = [said for found, said in both if not found]
    assert alone[0], alone[1]
    assert len(weights) == 1, f"{len(weights)} different weights"
    assert all("another driver" in said for said in refused), refused
    return f"{2 - len(refused)} ended, {len(refused)} refused"


def driver(checkpoints: str, folder: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.spark.driver", checkpoints]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=folder, **pipes)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The digest of a driver's weights, if it came to them, and what it said at last."""
    out, error = process.communicate(timeout=LONGEST)
    return out.rpartition('"weights": "')[2].partition('"')[0] if "weights" in out else "", error[-1000:]


def worth_killing(pid: int) -> list[int]:
    """Workers of a JVM: an idle one, which waits for its next task, would hardly be missed."""
    return busy(pid) or workers_under(pid)


def frozen_round(chaos: Chaos, mode: str, net: str) -> str:
    """In rounds of ordinary jobs a worker freezes for a while, where Spark speculates: whichever copy of its task ends, the
    weights are the same. Executors of a local-cluster share a host, and Spark speculates on other hosts alone, so that the
    frozen worker has to be let go again there."""
    more: dict[str, Any] = {"exchange": "spark", "syncEvery": 50, "syncState": "average", "modelBlocks": 1}
    more |= {"maxIter": 9, "checkpointInterval": 3}  # few: in a round every task starts a Python worker of its own
    chaos_net = chaos.net("data", net, **more)
    whole = chaos_net.fit(chaos.rows)
    thread, outcome = chaos.in_thread(lambda: chaos.net("data", net, **more).fit(chaos.rows))
    thread.join(chaos.random.uniform(0.5, 3.0))
    pids = chaos.victims(busy)
    while not pids and thread.is_alive():
        pids = chaos.victims(busy)
    assert pids, "nobody was busy"
    victim = chaos.random.choice(pids)
    with suppress(ProcessLookupError):  # gone meanwhile
        os.kill(victim, signal.SIGSTOP)
        thread.join(FROZEN)
        os.kill(victim, signal.SIGCONT)
    chaos.ends_alike(thread, outcome, whole)
    return f"worker {victim} frozen for at most {FROZEN:g} s"


KINDS: dict[str, Kind] = {
    "worker": Kind("a Python worker is killed", at_random(worth_killing)),
    "executor": Kind("an executor's JVM is killed", at_random(lambda pid: [pid])),
    "segfault": Kind("a Python worker crashes", at_random(worth_killing, signal.SIGSEGV)),
    "between": Kind("an executor is lost between two jobs", on_call(Jobs, "_state", (1, 2), between_jobs)),
    "checkpoint": Kind(
        "an executor is lost while a checkpoint is written", on_call(Checkpoints, "save", (1, 2), while_written)
    ),
    "meeting": Kind("an executor is lost where ranks meet", on_call(Jobs, "_collected", (1, 2, 3), while_it_runs(1.0))),
    "last": Kind(
        "an executor is lost in the last epoch", on_call(Jobs, "_collected", (2,), while_it_runs(2.0), last=True)
    ),
    "transform": Kind("an executor is lost in transform by blocks", in_transform),
    "descriptors": Kind("a worker has no file descriptors for a while", without_descriptors),
    "labels": Kind("labels are others in each job", changing("label")),
    "marks": Kind("validation marks are others in each job", changing("held")),
    "drivers": Kind("two drivers share a checkpointDir", two_drivers),
    "strict": Kind("a worker is killed, where tasks may not fail, and no worker is used twice",
                   at_random(worth_killing), True),
    "lost": Kind("an executor is killed in the same session", at_random(lambda pid: [pid]), True),
    "speculation": Kind("a worker freezes in rounds, where Spark speculates", frozen_round, True),
}  # fmt: skip


def main() -> int:
    kinds = "; ".join(f"{name}: {kind.help}" for name, kind in KINDS.items())
    told = argparse.ArgumentParser(description=__doc__, epilog=f"Kinds. {kinds}.")
    told.add_argument("--fits", type=int, default=20)
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--only", default=",".join(KINDS), help="kinds, with commas between")
    args = told.parse_args()
    print(f"seed {args.seed}", flush=True)
    todo = turns(args.fits, args.only.split(","))
    passed = sum(passes(todo, strict, args.seed) for strict in (False, True))
    print(f"{passed} passed, {args.fits - passed} failed")
    return int(passed < args.fits)


def turns(fits: int, only: list[str]) -> list[tuple[int, str, str, str]]:
    """Number, kind, mode and network of each fit."""
    cases = list(product(MODES, NETS))
    return [(i + 1, only[i % len(only)], *cases[(i % len(only) + i // len(only)) % len(cases)]) for i in range(fits)]


def passes(todo: list[tuple[int, str, str, str]], strict: bool, seed: int) -> int:
    """How many of the turns of such a session passed."""
    own = [turn for turn in todo if KINDS[turn[1]].strict == strict]
    if not own:
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        spark = _local("local-cluster[3,1,1024]", folder, STRICT) if strict else trio(folder)
        try:
            chaos = Chaos(spark, folder, seed)
            return sum(passed(chaos, *turn) for turn in own)
        finally:
            spark.stop()


def passed(chaos: Chaos, number: int, kind: str, mode: str, net: str) -> bool:
    began = time.perf_counter()
    try:
        chaos.wait_for_executors()
        found, good = KINDS[kind].run(chaos, mode, net), True
    except Exception as error:
        found, good = f"FAILED: {type(error).__name__}: {error}", False
    seconds = time.perf_counter() - began
    print(f"{number:3} {kind:11} {mode:5} {net:5} {seconds:6.1f} s: {found}", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
