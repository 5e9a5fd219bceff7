"""Reports of progress, from rank 0 to the driver's progress bar."""

from __future__ import annotations

import json
import time
from typing import Any

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.report import Reporter
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.loop import Report

PROGRESS_SECONDS = 0.2
"""Between two reports."""


def reporter_of(plan: TrainPlan) -> Reporter | None:
    if plan.listener is None:
        return None
    try:
        return Reporter(*plan.listener, secret=plan.secret, timeout=2.0, identity=plan.identity)
    except ExchangeError:
        return None  # the driver cannot be reached: the fit runs without a progress bar


def report_to(reporter: Reporter | None) -> Report:
    last = 0.0

    def report(progress: dict[str, Any]) -> None:
        nonlocal last
        now = time.perf_counter()
        if reporter is not None and ("measures" in progress or now - last > PROGRESS_SECONDS):
            last = now
            reporter.send(json.dumps(progress).encode())

    return report
