"""What is measured while training: where a rank's seconds go, and how good the scores are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from spark_deepnet.plan.architecture import Head

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


Score = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Metric:
    """A figure beside the loss: a weighted sum over rows, and how its mean is finished."""

    name: str
    sum: Score
    finish: Callable[[float], float] = float


def _hits(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Rows whose highest score (or the sign of the only one) is their label's."""
    found = scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0
    return float(np.dot(found == labels, weights))


def _hit_share(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """The share of a row's labels that are told rightly."""
    return float(np.dot(((scores > 0) == (targets > 0.5)).mean(1), weights))


def _square(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(np.dot(((scores - targets) ** 2).mean(1), weights))


METRICS = {
    "classification": Metric("accuracy", _hits),
    "multilabel": Metric("accuracy", _hit_share),
    "regression": Metric("rmse", _square, lambda mean: float(np.sqrt(mean))),
}


def told(heads: Sequence[Head], means: Sequence[Sequence[float]], of: str = "") -> dict[str, float]:
    """Measures by name, from each output's mean loss and metric: of a network with one output its loss and metric, of
    one with several the whole loss, and each output's own as ``age_loss``. of: the rows measured, where they are not
    those trained on."""
    whole = sum(head.weight * loss for head, (loss, _) in zip(heads, means, strict=True))
    found = {_name(of, "loss"): whole}
    for head, (loss, mean) in zip(heads, means, strict=True):
        metric, own = METRICS[head.loss.task], f"{head.name}_" if len(heads) > 1 else ""
        found.setdefault(own + _name(of, "loss"), loss)
        found[own + _name(of, metric.name)] = metric.finish(mean)
    return found


def _name(of: str, measure: str) -> str:
    """validation, loss -> validationLoss"""
    return of + measure[0].upper() + measure[1:] if of else measure
