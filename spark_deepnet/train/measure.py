"""What is measured while training: a rank's seconds by activity, and the names of measures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spark_deepnet.measures import VALIDATION, of_rows
from spark_deepnet.plan.architecture import OutputSpec
from spark_deepnet.plan.plan import Recipe

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
    measures = {of_rows(of, "loss"): whole}
    for head, (loss, mean) in zip(heads, means, strict=True):
        measures.setdefault(named_metric(heads, head, "loss", of), loss)
        measures[named_metric(heads, head, head.metric.name, of)] = head.metric.finish(mean)
    return measures


def named_metric(heads: Sequence[OutputSpec], head: OutputSpec, name: str, of: str = "") -> str:
    """What the history calls an output's metric."""
    return (f"{head.name}_" if len(heads) > 1 else "") + of_rows(of, name)


def watched(recipe: Recipe) -> tuple[str, bool]:
    """The validation rows' figure that early stopping watches, by its name in the history; whether higher is better."""
    heads = recipe.heads()
    for head in heads:
        known = {head.metric.name: head.metric.name == "accuracy"}
        known |= {metric.name: metric.higher for metric in recipe.metrics_of(head)}
        for name, higher in known.items():
            if named_metric(heads, head, name) == recipe.monitor:
                return named_metric(heads, head, name, VALIDATION), higher
    return of_rows(VALIDATION, "loss"), False
