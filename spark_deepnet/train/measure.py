"""What is measured while training: a rank's seconds by activity, and the names of measures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spark_deepnet.plan.architecture import OutputSpec

SECONDS = ("reading", "meeting", "compiling", "computing", "exchanging", "waiting")


class Meter:
    """Seconds of one rank in one job, by what they went into."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.seconds = dict.fromkeys(SECONDS, 0.0)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.began

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - start


def named_measures(heads: Sequence[OutputSpec], means: Sequence[Sequence[float]], of: str = "") -> dict[str, float]:
    """Measures by name, from each output's mean loss and metric: of a network with one output its loss and metric, of
    one with several the whole loss, and each output's own as ``age_loss``. of: the rows measured, where they are not
    those trained on."""
    whole = sum(head.weight * loss for head, (loss, _) in zip(heads, means, strict=True))
    measures = {_name(of, "loss"): whole}
    for head, (loss, mean) in zip(heads, means, strict=True):
        metric, own = head.metric, f"{head.name}_" if len(heads) > 1 else ""
        measures.setdefault(own + _name(of, "loss"), loss)
        measures[own + _name(of, metric.name)] = metric.finish(mean)
    return measures


def _name(of: str, measure: str) -> str:
    """validation, loss -> validationLoss"""
    return of + measure[0].upper() + measure[1:] if of else measure
