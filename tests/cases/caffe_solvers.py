"""Solvers of Caffe, and what they compute, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, floor
from typing import Any

import numpy as np

ROWS = 60


@dataclass(frozen=True)
class SolverCase:
    """A solver's text and the same numbers for the reference."""

    name: str
    text: str
    policy: Callable[[int], float] = lambda iteration: 1.0
    """The factor of base_lr by the iteration."""
    type: str = "SGD"
    rate: float = 0.1
    momentum: float = 0.0
    momentum2: float = 0.999
    delta: float = 1e-8
    rms_decay: float = 0.99
    decay: float = 0.0
    l1: bool = False
    clip: float = 0.0
    iter_size: int = 1
    params: str = ""
    """param blocks of the layer."""
    rates: tuple[tuple[float, float], ...] = ((1, 1), (1, 1))
    """(lr_mult, decay_mult) of W and b."""

    @property
    def whole_text(self) -> str:
        return f"base_lr: {self.rate} {self.text}"


@dataclass
class Reference:
    """Caffe's solver over blobs, in float64."""

    case: SolverCase
    w: list[np.ndarray]
    history: list[list[np.ndarray]] = field(default_factory=list)

    def step(self, iteration: int, gradients: Sequence[np.ndarray]) -> None:
        """One iteration, with the gradients of the mean loss over all its rows."""
        case = self.case
        self.history = self.history or [[np.zeros_like(w), np.zeros_like(w)] for w in self.w]
        g = [case.iter_size * each for each in gradients]
        norm = np.sqrt(sum(float((each**2).sum()) for each in g))
        if case.clip > 0 and norm > case.clip:
            g = [each * case.clip / norm for each in g]
        rate = case.rate * case.policy(iteration)
        for k, (lr_mult, decay_mult) in enumerate(case.rates):
            decay = case.decay * decay_mult
            full = g[k] / case.iter_size + decay * (np.sign(self.w[k]) if case.l1 else self.w[k])
            self.w[k] = self.w[k] - _UPDATES[case.type](case, full, self.history[k], rate * lr_mult, iteration)


def _sgd(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    h[0] = case.momentum * h[0] + rate * g
    return h[0]


def _nesterov(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    before = h[0]
    h[0] = case.momentum * h[0] + rate * g
    return (1 + case.momentum) * h[0] - case.momentum * before


def _adagrad(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    h[0] = h[0] + g**2
    return rate * g / (np.sqrt(h[0]) + case.delta)


def _rmsprop(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    h[0] = case.rms_decay * h[0] + (1 - case.rms_decay) * g**2
    return rate * g / (np.sqrt(h[0]) + case.delta)


def _adadelta(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    h[0] = case.momentum * h[0] + (1 - case.momentum) * g**2
    d = np.sqrt((h[1] + case.delta) / (h[0] + case.delta)) * g
    h[1] = case.momentum * h[1] + (1 - case.momentum) * d**2
    return rate * d


def _adam(case: SolverCase, g: np.ndarray, h: list[np.ndarray], rate: float, iteration: int) -> np.ndarray:
    t = iteration + 1
    h[0] = case.momentum * h[0] + (1 - case.momentum) * g
    h[1] = case.momentum2 * h[1] + (1 - case.momentum2) * g**2
    correction = np.sqrt(1 - case.momentum2**t) / (1 - case.momentum**t)
    return rate * correction * h[0] / (np.sqrt(h[1]) + case.delta)


_UPDATES: dict[str, Callable[..., Any]] = {
    "SGD": _sgd,
    "Nesterov": _nesterov,
    "AdaGrad": _adagrad,
    "RMSProp": _rmsprop,
    "AdaDelta": _adadelta,
    "Adam": _adam,
}

POLICIES = [
    SolverCase("fixed", 'lr_policy: "fixed"'),
    SolverCase("step", 'lr_policy: "step" gamma: 0.5 stepsize: 6', lambda i: 0.5 ** floor(i / 6)),
    SolverCase("exp", 'lr_policy: "exp" gamma: 0.9', lambda i: 0.9**i),
    SolverCase("inv", 'lr_policy: "inv" gamma: 0.2 power: 0.75', lambda i: (1 + 0.2 * i) ** -0.75),
    SolverCase(
        "multistep",
        'lr_policy: "multistep" gamma: 0.3 stepvalue: 5 stepvalue: 12',
        lambda i: 0.3 ** ((i >= 5) + (i >= 12)),
    ),
    SolverCase("poly", 'lr_policy: "poly" power: 2 max_iter: 20', lambda i: (1 - i / 20) ** 2),
    SolverCase("sigmoid", 'lr_policy: "sigmoid" gamma: -0.5 stepsize: 10', lambda i: 1 / (1 + exp(0.5 * (i - 10)))),
]
OPTIMIZERS = [
    SolverCase("momentum", "momentum: 0.9", momentum=0.9),
    SolverCase("Nesterov", 'momentum: 0.9 type: "Nesterov"', type="Nesterov", momentum=0.9),
    SolverCase("AdaGrad", 'type: "AdaGrad" delta: 1e-3', type="AdaGrad", delta=1e-3),
    SolverCase(
        "RMSProp", 'type: "RMSProp" rms_decay: 0.8 delta: 1e-4', type="RMSProp", rms_decay=0.8, delta=1e-4, rate=0.01
    ),
    SolverCase(
        "AdaDelta", 'type: "AdaDelta" momentum: 0.95 delta: 1e-4', type="AdaDelta", momentum=0.95, delta=1e-4, rate=1
    ),
    SolverCase(
        "Adam",
        'type: "Adam" momentum: 0.9 momentum2: 0.99 delta: 1e-3',
        type="Adam",
        momentum=0.9,
        momentum2=0.99,
        delta=1e-3,
        rate=0.01,
    ),
    SolverCase("solver_type", "solver_type: ADAGRAD delta: 1e-3", type="AdaGrad", delta=1e-3),
]
OTHERS = [
    SolverCase("L2", "weight_decay: 0.1", decay=0.1),
    SolverCase("L1", 'weight_decay: 0.02 regularization_type: "L1"', decay=0.02, l1=True),
    SolverCase("clip", "clip_gradients: 0.1 weight_decay: 0.1", clip=0.1, decay=0.1),
    SolverCase("iter_size", "iter_size: 3 momentum: 0.5", iter_size=3, momentum=0.5),
    SolverCase("iter_size and clip", "iter_size: 3 clip_gradients: 0.2", iter_size=3, clip=0.2),
    SolverCase(
        "multipliers",
        "momentum: 0.9 weight_decay: 0.1",
        momentum=0.9,
        decay=0.1,
        params="param { lr_mult: 0.5 decay_mult: 2 } param { lr_mult: 2 decay_mult: 0.25 }",
        rates=((0.5, 2), (2, 0.25)),
    ),
    SolverCase(
        "frozen bias",
        "weight_decay: 0.1",
        decay=0.1,
        params="param { } param { lr_mult: 0 }",
        rates=((1, 1), (0, 1)),
    ),
]
