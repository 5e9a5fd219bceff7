"""The optimizers under test: for each its paper's algorithm in plain NumPy, PyTorch's twin, and rates that get there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.optimizers.adadelta import Adadelta
from spark_deepnet.optimizers.adagrad import Adagrad
from spark_deepnet.optimizers.adam import Adam
from spark_deepnet.optimizers.adamw import AdamW
from spark_deepnet.optimizers.lamb import Lamb
from spark_deepnet.optimizers.momentum import Momentum
from spark_deepnet.optimizers.nesterov import Nesterov
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.optimizers.rmsprop import Rmsprop
from spark_deepnet.optimizers.sgd import Sgd

Steps = Sequence[tuple[np.ndarray, float]]
"""For each step its gradients and its rate."""


@dataclass(frozen=True)
class Row:
    optimizer: Optimizer
    reference: Callable[[np.ndarray, Steps], np.ndarray]
    """(weights, steps) -> the weights afterwards, all of them reached by the decay"""
    parabola: float
    """The rate, falling to 0, that leads down a parabola in 500 steps,"""
    rosenbrock: float
    """and down Rosenbrock's valley in 5000."""
    twin: Callable[[Any, Any, float], Any] | None = None
    """(torch.optim, parameters, rate) -> its optimizer"""


def sgd(w: np.ndarray, steps: Steps) -> np.ndarray:
    for g, rate in steps:
        w = w - rate * g
    return w


def momentum(mu: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        speed = np.zeros_like(w)
        for g, rate in steps:
            speed = mu * speed - rate * g
            w = w + speed
        return w

    return reference


def nesterov(mu: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    """Sutskever's two points: the gradient is taken at x + mu speed, which is the point that is handed out."""

    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        x, speed = w, np.zeros_like(w)
        for g, rate in steps:
            speed = mu * speed - rate * g
            x = x + speed
        return x + mu * speed

    return reference


def adagrad(initial: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        for i, (g, rate) in enumerate(steps):
            total = initial + sum(s**2 for s, _ in steps[: i + 1])
            w = w - rate * g / (np.sqrt(total) + 1e-7)
        return w

    return reference


def adadelta(w: np.ndarray, steps: Steps) -> np.ndarray:
    gradients = moves = np.zeros_like(w)
    for g, rate in steps:
        gradients = 0.95 * gradients + 0.05 * g**2
        move = -np.sqrt(moves + 1e-6) / np.sqrt(gradients + 1e-6) * g
        moves = 0.95 * moves + 0.05 * move**2
        w = w + rate * move
    return w


def rmsprop(mu: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        square = speed = np.zeros_like(w)
        for g, rate in steps:
            square = 0.9 * square + 0.1 * g**2
            speed = mu * speed - rate * g / (np.sqrt(square) + 1e-7)
            w = w + speed
        return w

    return reference


def directions(steps: Steps, epsilon: float) -> list[np.ndarray]:
    """Adam's m^ / (sqrt(v^) + epsilon) of each step, with both moments written as weighted sums."""
    found = []
    for t in range(1, len(steps) + 1):
        gradients = [g for g, _ in steps[:t]]
        m = sum(0.1 * 0.9 ** (t - 1 - i) * g for i, g in enumerate(gradients)) / (1 - 0.9**t)
        v = sum(0.001 * 0.999 ** (t - 1 - i) * g**2 for i, g in enumerate(gradients)) / (1 - 0.999**t)
        found.append(m / (np.sqrt(v) + epsilon))
    return found


def adam_hat(epsilon: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    """Caffe's: epsilon is added to the root of what v is before its correction."""

    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        m = v = np.zeros_like(w)
        for t, (g, rate) in enumerate(steps, 1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + epsilon)
        return w

    return reference


def adamw(decay: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        for d, (_, rate) in zip(directions(steps, 1e-8), steps, strict=True):
            w = w - rate * (d + decay * w)
        return w

    return reference


def lamb(decay: float) -> Callable[[np.ndarray, Steps], np.ndarray]:
    def reference(w: np.ndarray, steps: Steps) -> np.ndarray:
        for d, (_, rate) in zip(directions(steps, 1e-6), steps, strict=True):
            r = d + decay * w
            w = w - rate * np.linalg.norm(w) / np.linalg.norm(r) * r
        return w

    return reference


ROWS = [
    Row(Sgd(), sgd, 0.1, 0.01, lambda T, p, rate: T.SGD(p, rate)),
    Row(Momentum(), momentum(0.9), 0.05, 5e-4, lambda T, p, rate: T.SGD(p, rate, momentum=0.9)),
    Row(Momentum(0.5), momentum(0.5), 0.1, 5e-3, lambda T, p, rate: T.SGD(p, rate, momentum=0.5)),
    Row(Nesterov(), nesterov(0.9), 0.05, 5e-4, lambda T, p, rate: T.SGD(p, rate, momentum=0.9, nesterov=True)),
    Row(Adagrad(), adagrad(0.0), 1.0, 0.5, lambda T, p, rate: T.Adagrad(p, rate, eps=1e-7)),
    Row(
        Adagrad(initial=0.1),
        adagrad(0.1),
        1.0,
        0.5,
        lambda T, p, rate: T.Adagrad(p, rate, eps=1e-7, initial_accumulator_value=0.1),
    ),
    Row(Adadelta(), adadelta, 10.0, 10.0, lambda T, p, rate: T.Adadelta(p, rate, rho=0.95, eps=1e-6)),
    Row(Rmsprop(), rmsprop(0.0), 0.05, 0.01, lambda T, p, rate: T.RMSprop(p, rate, alpha=0.9, eps=1e-7)),
    Row(
        Rmsprop(momentum=0.8),
        rmsprop(0.8),
        0.05,
        0.005,
        lambda T, p, rate: T.RMSprop(p, rate, alpha=0.9, eps=1e-7, momentum=0.8),
    ),
    Row(Adam(), adamw(0.0), 0.1, 0.05, lambda T, p, rate: T.Adam(p, rate)),
    Row(Adam(epsilon=1e-3, epsilon_hat=True), adam_hat(1e-3), 0.1, 0.05),
    Row(AdamW(), adamw(0.01), 0.1, 0.05, lambda T, p, rate: T.AdamW(p, rate)),
    Row(AdamW(decay=0.0), adamw(0.0), 0.1, 0.05, lambda T, p, rate: T.AdamW(p, rate, weight_decay=0.0)),
    Row(Lamb(), lamb(0.01), 0.1, 0.05),
    Row(Lamb(decay=0.0), lamb(0.0), 0.1, 0.05),
]

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: Momentum(1.0), "Momentum: momentum must be at least 0 and below 1, found 1.0"),
    (lambda: Nesterov(-0.1), "Nesterov: momentum must be at least 0 and below 1, found -0.1"),
    (lambda: Adagrad(initial=-1.0), "Adagrad: initial must be at least 0, found -1.0"),
    (lambda: Adagrad(epsilon=0.0), "Adagrad: epsilon must be above 0, found 0.0"),
    (lambda: Adadelta(rho=1.5), "Adadelta: rho must be at least 0 and below 1, found 1.5"),
    (lambda: Adadelta(epsilon=-1e-6), "Adadelta: epsilon must be above 0, found -1e-06"),
    (lambda: Rmsprop(rho=float("nan")), "Rmsprop: rho must be at least 0 and below 1, found nan"),
    (lambda: Rmsprop(momentum=2), "Rmsprop: momentum must be at least 0 and below 1, found 2"),
    (lambda: Rmsprop(epsilon=-1.0), "Rmsprop: epsilon must be above 0, found -1.0"),
    (lambda: Adam(beta1="0.9"), "Adam: beta1 must be at least 0 and below 1, found '0.9'"),
    (lambda: Adam(beta2=1.0), "Adam: beta2 must be at least 0 and below 1, found 1.0"),
    (lambda: Adam(epsilon=-1e-8), "Adam: epsilon must be above 0, found -1e-08"),
    (lambda: AdamW(decay=-0.1), "AdamW: decay must be at least 0, found -0.1"),
    (lambda: AdamW(beta1=-1.0), "AdamW: beta1 must be at least 0 and below 1, found -1.0"),
    (lambda: Lamb(decay=float("inf")), "Lamb: decay must be at least 0, found inf"),
    (lambda: Lamb(epsilon=0), "Lamb: epsilon must be above 0, found 0"),
]
