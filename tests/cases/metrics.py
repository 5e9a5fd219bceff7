"""The metrics under test: for each what scikit-learn says of the same rows, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as sk

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.accuracy import Accuracy
from spark_deepnet.metrics.auc import AUC
from spark_deepnet.metrics.balanced_accuracy import BalancedAccuracy
from spark_deepnet.metrics.f1 import F1
from spark_deepnet.metrics.log_loss import LogLoss
from spark_deepnet.metrics.mae import MAE
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.metrics.r2 import R2
from spark_deepnet.metrics.rmse import RMSE
from spark_deepnet.metrics.top_k import TopK

CLASSES, LABELS, NUMBERS = "classification", "multilabel", "regression"


@dataclass(frozen=True)
class Row:
    """One metric on rows of ``units`` scores under a task."""

    metric: Metric
    task: str
    units: int
    reference: Callable[[ScoredRows], float]

    def draw(self, n: int, seed: int = 0) -> ScoredRows:
        """n rows; scores of which some are equal."""
        rng = np.random.default_rng(seed)
        z = rng.normal(0, 2, (n, self.units)).round(1)
        weights = rng.uniform(0.5, 2, n)
        if self.task == NUMBERS:
            return ScoredRows(self.task, z, z, z + rng.normal(size=z.shape), weights)
        if self.task == LABELS:
            return ScoredRows(self.task, z, 1 / (1 + np.exp(-z)), (z + rng.normal(0, 2, z.shape) > 0) * 1.0, weights)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        labels = (z + rng.gumbel(0, 2, z.shape)).argmax(1) if self.units > 1 else rng.integers(0, 2, n)
        return ScoredRows(self.task, z, p, labels, weights)


def by_answer(score: Callable[..., Any], **more: Any) -> Callable[[ScoredRows], float]:
    return lambda rows: float(score(rows.labels, rows.predicted, sample_weight=rows.weights, **more))


def by_number(score: Callable[..., Any]) -> Callable[[ScoredRows], float]:
    return lambda rows: float(score(rows.targets, rows.linked, sample_weight=rows.weights))


def f1_of_labels(rows: ScoredRows) -> float:
    return float(sk.f1_score(rows.truth, rows.answer, sample_weight=rows.weights, average="weighted"))


def auc_of_two(rows: ScoredRows) -> float:
    scores = rows.scores[:, -1] - rows.scores[:, 0] if rows.scores.shape[1] == 2 else rows.scores[:, 0]
    return float(sk.roc_auc_score(rows.labels, scores, sample_weight=rows.weights))


def auc_of_labels(rows: ScoredRows) -> float:
    return float(sk.roc_auc_score(rows.truth, rows.scores, sample_weight=rows.weights))


def auc_of_classes(rows: ScoredRows) -> float:
    pairs = zip(rows.truth.T, rows.probability.T, strict=True)
    return float(np.mean([sk.roc_auc_score(t, p, sample_weight=rows.weights) for t, p in pairs]))


def top(k: int, rows: ScoredRows) -> float:
    order = np.argsort(-rows.scores, axis=1, kind="stable")[:, :k]
    return float(rows.weights @ (order == rows.labels[:, None]).any(1) / rows.weights.sum())


def log_loss(rows: ScoredRows) -> float:
    return float(sk.log_loss(rows.labels, rows.probability, sample_weight=rows.weights, labels=range(rows.classes)))


def accuracy_of_labels(rows: ScoredRows) -> float:
    return float(rows.weights @ (rows.answer == rows.truth).mean(1) / rows.weights.sum())


ROWS = [
    Row(Accuracy(), CLASSES, 4, by_answer(sk.accuracy_score)),
    Row(Accuracy(), LABELS, 1, by_answer(sk.accuracy_score)),
    Row(Accuracy(), LABELS, 3, accuracy_of_labels),
    Row(BalancedAccuracy(), CLASSES, 4, by_answer(sk.balanced_accuracy_score)),
    Row(F1(), CLASSES, 4, by_answer(sk.f1_score, average="weighted")),
    Row(F1("macro"), CLASSES, 3, by_answer(sk.f1_score, average="macro")),
    Row(F1("binary"), CLASSES, 2, by_answer(sk.f1_score)),
    Row(F1("binary"), LABELS, 1, by_answer(sk.f1_score)),
    Row(F1(), LABELS, 3, f1_of_labels),
    Row(AUC(), CLASSES, 2, auc_of_two),
    Row(AUC(), LABELS, 1, auc_of_two),
    Row(AUC(), CLASSES, 1, auc_of_two),
    Row(AUC(), LABELS, 3, auc_of_labels),
    Row(AUC(), CLASSES, 4, auc_of_classes),
    Row(TopK(), CLASSES, 7, partial(top, 5)),
    Row(TopK(2), CLASSES, 4, partial(top, 2)),
    Row(LogLoss(), CLASSES, 4, log_loss),
    Row(LogLoss(), LABELS, 1, log_loss),
    Row(RMSE(), NUMBERS, 1, lambda rows: float(np.sqrt(by_number(sk.mean_squared_error)(rows)))),
    Row(RMSE(), NUMBERS, 3, lambda rows: float(np.sqrt(by_number(sk.mean_squared_error)(rows)))),
    Row(MAE(), NUMBERS, 3, by_number(sk.mean_absolute_error)),
    Row(R2(), NUMBERS, 1, by_number(sk.r2_score)),
    Row(R2(), NUMBERS, 3, by_number(sk.r2_score)),
]

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: F1("micro"), "F1: average must be one of weighted, macro, binary, found 'micro'"),
    (lambda: TopK(0), "TopK: k must be a whole number of 1 or more, found 0"),
]
MISFITS = [
    (Accuracy(), (NUMBERS, 1, None), "a loss of classes"),
    (BalancedAccuracy(), (LABELS, 3, "sigmoid"), "exclude one another"),
    (F1("binary"), (CLASSES, 3, "softmax"), "two classes"),
    (TopK(), (CLASSES, 5, "softmax"), "more than 5 classes"),
    (LogLoss(), (CLASSES, 3, None), "probabilities"),
    (RMSE(), (CLASSES, 3, "softmax"), "a loss of numbers"),
]
