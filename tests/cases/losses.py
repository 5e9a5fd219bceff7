"""The losses under test: for each a reference in plain NumPy, PyTorch's twin where there is one, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.losses.absolute import Absolute
from spark_deepnet.losses.hinge import Hinge
from spark_deepnet.losses.huber import Huber
from spark_deepnet.losses.loss import Loss
from spark_deepnet.losses.poisson import Poisson
from spark_deepnet.losses.quantile import Quantile
from spark_deepnet.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from spark_deepnet.losses.sigmoid_focal import SigmoidFocal
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.losses.softmax_focal import SoftmaxFocal
from spark_deepnet.losses.squared import Squared


@dataclass(frozen=True)
class Row:
    """One loss on rows of ``units`` scores."""

    loss: Loss
    units: int
    reference: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """(scores, targets) in float64 -> the loss of each row"""
    twin: Callable[[Any, Any, Any], Any] | None = None
    """(torch.nn.functional, scores, targets) -> the loss of each row"""
    extreme: float = 1e4
    """The largest score at which the loss and its gradient are numbers of float32."""

    def draw(self, n: int, seed: int = 0, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """n rows of scores, targets and weights, in float64 (labels in int32)."""
        rng = np.random.default_rng(seed)
        scores = rng.normal(0, scale, (n, self.units))
        return scores, self.targets(rng, n), rng.uniform(0.5, 2, n)

    def targets(self, rng: np.random.Generator, n: int) -> np.ndarray:
        if self.loss.task == "classification":
            return rng.integers(0, max(2, self.units), n).astype(np.int32)
        if self.loss.task == "multilabel":
            return rng.integers(0, 2, (n, self.units)).astype(float)
        if self.loss.link == "exponential":
            return rng.poisson(2.0, (n, self.units)).astype(float)
        return rng.normal(0, 2, (n, self.units))


def softmax_cross_entropy(z: np.ndarray, label: np.ndarray) -> np.ndarray:
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(z)), label])


def sigmoid_cross_entropy(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-z))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(1)


def huber(delta: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(z: np.ndarray, t: np.ndarray) -> np.ndarray:
        e = abs(z - t)
        return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).mean(1)

    return reference


def hinge(power: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(z: np.ndarray, label: np.ndarray) -> np.ndarray:
        k = z.shape[1]
        signs = 2 * label[:, None] - 1 if k == 1 else 2 * np.eye(k)[label] - 1
        return (np.maximum(0, 1 - signs * z) ** power).sum(1)

    return reference


def smoothed(e: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(z: np.ndarray, label: np.ndarray) -> np.ndarray:
        k = z.shape[1]
        logs = np.log(np.exp(z) / np.exp(z).sum(1, keepdims=True))
        return -(((1 - e) * np.eye(k)[label] + e / k) * logs).sum(1)

    return reference


def softmax_focal(gamma: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(z: np.ndarray, label: np.ndarray) -> np.ndarray:
        p = (np.exp(z) / np.exp(z).sum(1, keepdims=True))[np.arange(len(z)), label]
        return -((1 - p) ** gamma) * np.log(p)

    return reference


def sigmoid_focal(gamma: float, alpha: float | None = None) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    yes, no = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)

    def reference(z: np.ndarray, t: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-z))
        return -(yes * t * (1 - p) ** gamma * np.log(p) + no * (1 - t) * p**gamma * np.log(1 - p)).sum(1)

    return reference


def quantile(q: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda z, t: np.where(t >= z, q * (t - z), (1 - q) * (z - t)).mean(1)


ROWS = [
    Row(
        SoftmaxCrossEntropy(),
        5,
        softmax_cross_entropy,
        lambda F, z, t: F.cross_entropy(z, t.long(), reduction="none"),
    ),
    Row(SoftmaxCrossEntropy(), 2, softmax_cross_entropy),
    Row(SoftmaxCrossEntropy(ignore=255), 3, softmax_cross_entropy),
    Row(
        SoftmaxCrossEntropy(label_smoothing=0.1),
        5,
        smoothed(0.1),
        lambda F, z, t: F.cross_entropy(z, t.long(), reduction="none", label_smoothing=0.1),
    ),
    Row(SoftmaxCrossEntropy(label_smoothing=0.7), 2, smoothed(0.7)),
    Row(SoftmaxFocal(), 5, softmax_focal(2.0)),
    Row(SoftmaxFocal(0.5), 2, softmax_focal(0.5)),
    Row(SoftmaxFocal(0), 3, softmax_cross_entropy),
    Row(SigmoidFocal(), 4, sigmoid_focal(2.0)),
    Row(SigmoidFocal(1.5, alpha=0.25), 3, sigmoid_focal(1.5, 0.25)),
    Row(SigmoidFocal(0.0), 1, sigmoid_cross_entropy),
    Row(Quantile(), 1, quantile(0.5)),
    Row(Quantile(0.9), 3, quantile(0.9)),
    Row(
        SigmoidCrossEntropy(),
        4,
        sigmoid_cross_entropy,
        lambda F, z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none").sum(1),
    ),
    Row(SigmoidCrossEntropy(), 1, sigmoid_cross_entropy),
    Row(
        Squared(),
        3,
        lambda z, t: ((z - t) ** 2).mean(1),
        lambda F, z, t: F.mse_loss(z, t, reduction="none").mean(1),
    ),
    Row(
        Absolute(),
        3,
        lambda z, t: abs(z - t).mean(1),
        lambda F, z, t: F.l1_loss(z, t, reduction="none").mean(1),
    ),
    Row(Huber(), 1, huber(1.0), lambda F, z, t: F.huber_loss(z, t, reduction="none").mean(1)),
    Row(Huber(0.3), 20, huber(0.3), lambda F, z, t: F.huber_loss(z, t, reduction="none", delta=0.3).mean(1)),
    Row(Hinge(), 4, hinge(1)),
    Row(Hinge(), 1, hinge(1)),
    Row(Hinge(power=2), 4, hinge(2)),
    Row(
        Poisson(),
        2,
        lambda z, t: (np.exp(z) - t * z).mean(1),
        lambda F, z, t: F.poisson_nll_loss(z, t, reduction="none").mean(1),
        extreme=80.0,
    ),
]

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: Huber(0.0), "Huber: delta must be above 0, found 0.0"),
    (lambda: Huber(float("nan")), "Huber: delta must be above 0, found nan"),
    (lambda: Hinge(3), "Hinge: power must be 1 or 2, found 3"),
    (lambda: SoftmaxCrossEntropy(ignore=1.0), "ignore must be a label, an int, found 1.0"),  # type: ignore[arg-type]
    (lambda: SoftmaxCrossEntropy(label_smoothing=1), "label_smoothing must be at least 0 and below 1, found 1"),
    (lambda: SoftmaxFocal(-1.0), "SoftmaxFocal: gamma must be at least 0, found -1.0"),
    (lambda: SigmoidFocal(float("inf")), "SigmoidFocal: gamma must be at least 0, found inf"),
    (lambda: SigmoidFocal(alpha=1.0), "SigmoidFocal: alpha must be above 0 and below 1, found 1.0"),
    (lambda: Quantile(1.0), "Quantile: quantile must be above 0 and below 1, found 1.0"),
    (lambda: SoftmaxFocal().check_units(1), "SoftmaxFocal needs .* 2 or more, found 1; give the last"),
    (lambda: SoftmaxCrossEntropy().check_units(1), "SoftmaxCrossEntropy needs .* 2 or more, found 1; give the last"),
]
