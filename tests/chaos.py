"""``make chaos FITS=20 SEED=0``: fits in which a Python worker or an executor's JVM is killed at a random moment. The
last line is ``N passed, M failed``; a fit that passes comes to its end with the weights of the undisturbed fit, bit for
bit. Fits go round all modes and networks, three ranks each, and are cut into jobs by their checkpoints."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from itertools import cycle, islice, product
from typing import Any

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import LSTM, Dense
from tests.spark.data import blobs, frame, same
from tests.spark.processes import busy, executors, workers_under
from tests.spark.sessions import trio

RANKS = 3
LONGEST = 240.0  # seconds that a fit may take with its recovery
MODES: dict[str, dict[str, Any]] = {
    "data": {},
    "tau": {"syncEvery": 5, "syncState": "keep"},
    "block": {"modelBlocks": RANKS},
}
NETS: dict[str, dict[str, Any]] = {
    "dense": {"layers": [24, 96, 96, 3], "maxIter": 60},
    "lstm": {"layers": [LSTM(24), Dense(3, "softmax")], "inputShape": [6, 4], "maxIter": 30},
}


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--fits", type=int, default=20)
    told.add_argument("--seed", type=int, default=0)
    args = told.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        spark = trio(folder)
        try:
            passed = Chaos(spark, folder, args.seed).run(args.fits)
        finally:
            spark.stop()
    print(f"{passed} passed, {args.fits - passed} failed")
    return int(passed < args.fits)


class Chaos:
    """Fits on one session, with their killer."""

    def __init__(self, spark: Any, folder: str, seed: int) -> None:
        self.spark, self.folder, self.seed = spark, folder, seed
        self.random = random.Random(seed)
        self.rows = frame(spark, *blobs(600, width=24)).cache()
        self.whole: dict[tuple[str, str], tuple[Any, float]] = {}
        """The undisturbed fits, and their seconds."""

    def run(self, fits: int) -> int:
        """How many passed."""
        print(f"seed {self.seed}", flush=True)
        return sum(self._passes(number, *case) for number, case in enumerate(islice(cycle(cases()), fits), start=1))

    def _net(self, mode: str, net: str) -> DeepNetEstimator:
        params: dict[str, Any] = MODES[mode] | NETS[net]
        params["checkpointInterval"] = params["maxIter"] // 3
        common: dict[str, Any] = {"batchSize": 12, "numTrainWorkers": RANKS, "learningRate": 0.003, "timeout": 60.0}
        return DeepNetEstimator(checkpointDir=f"{self.folder}/{uuid.uuid4().hex}", **common, **params)

    def _undisturbed(self, mode: str, net: str) -> tuple[Any, float]:
        if (mode, net) not in self.whole:
            self._net(mode, net).setMaxIter(1).fit(self.rows)  # what is slow once: kernels, Python workers
            began = time.perf_counter()
            self.whole[mode, net] = self._net(mode, net).fit(self.rows), time.perf_counter() - began
        return self.whole[mode, net]

    def _passes(self, number: int, mode: str, net: str) -> bool:
        whole, seconds = self._undisturbed(mode, net)
        moment, kind = self.random.uniform(0.05, 0.95) * seconds, self.random.choice(("worker", "executor"))
        self._wait_for_executors()
        began = time.perf_counter()
        fit, outcome = self._started(mode, net)
        fit.join(moment)
        victim = self._killed(kind, fit)
        fit.join(LONGEST)
        if victim is None:  # it was done before: another moment
            return self._passes(number, mode, net)
        found = outcome[0] if outcome else "no end"
        passed = not isinstance(found, str | Exception) and same(found, whole)
        what = "passed" if passed else f"FAILED: {'other weights' if hasattr(found, 'weights') else found}"
        print(
            f"{number:3} {mode:5} {net:5} {kind} {victim} killed after {moment:4.1f} s of {seconds:4.1f}, "
            f"ended after {time.perf_counter() - began:5.1f} s: {what}",
            flush=True,
        )
        return passed

    def _started(self, mode: str, net: str) -> tuple[threading.Thread, list[Any]]:
        outcome: list[Any] = []

        def fit() -> None:
            try:
                outcome.append(self._net(mode, net).fit(self.rows))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=fit, daemon=True)
        thread.start()
        return thread, outcome

    def _killed(self, kind: str, fit: threading.Thread) -> int | None:
        """The process that was killed, of workers one that works where any does; None where the fit was faster."""
        found: Callable[[int], list[int]] = worth_killing if kind == "worker" else lambda pid: [pid]
        while fit.is_alive():
            victims = [pid for executor in executors(self.spark) for pid in found(executor)]
            if victims:
                victim = self.random.choice(victims)
                os.kill(victim, signal.SIGKILL)
                return victim
            time.sleep(0.01)
        return None

    def _wait_for_executors(self) -> None:
        """Until all slots are there again: a fit does not begin with fewer."""
        scheduler = self.spark.sparkContext._jsc.sc()
        while scheduler.getExecutorMemoryStatus().size() <= RANKS:  # the driver is one of them
            time.sleep(0.2)


def worth_killing(pid: int) -> list[int]:
    """Workers of a JVM: an idle one, which waits for its next task, would hardly be missed."""
    return busy(pid) or workers_under(pid)


def cases() -> list[tuple[str, str]]:
    return list(product(MODES, NETS))


if __name__ == "__main__":
    sys.exit(main())
