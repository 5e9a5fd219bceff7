"""Iterations of an optimizer that steps over all rows at once, by a line search that all ranks make alike."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from spark_deepnet.data.dataset import Rows
from spark_deepnet.optimizers.lbfgs import PAIRS, Lbfgs, Pair
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.dataset_stats import inverse
from spark_deepnet.train.step import BROKEN, Stepper, Sum

MIN_DECREASE = 1e-7
"""Of the objective, relative to it: an iteration that found less ends the fit. About what float32 weights can tell."""
TRIES = 20
"""Points that a line search looks at within its bracket."""


@dataclass(frozen=True)
class Point:
    """What one pass over the rows found at weights w."""

    w: np.ndarray
    """(n,): those that steps change."""
    f: float
    """The objective; infinite where some score, or a gradient, was not finite."""
    g: np.ndarray
    """(n,) float64: its gradient."""
    measures: np.ndarray
    """(outputs, 2): means of loss and metric."""


class FullBatch:
    """f(w) = sum_k c_k loss_k(w) + l2 / 2 |w|^2 over the training rows of all ranks, and its minimization.

    Every rank evaluates its own rows, a batch at a time in a fixed order, and the ranks sum f and its gradient in float64.
    Rank 0 alone computes what ranks must agree on to the last bit, the direction and the derivatives along it: sums over
    vectors differ between kinds of CPU. So all make the same line search."""

    def __init__(self, recipe: Recipe, stepper: Stepper, rows: Rows, total: Sum, rank: int) -> None:
        """total: sums a float64 vector over the ranks."""
        assert isinstance(recipe.optimizer, Lbfgs)
        self.recipe, self.optimizer, self.stepper, self.rows = recipe, recipe.optimizer, stepper, rows
        self.total, self.first = total, rank == 0
        self.state = stepper.state
        self.moving = slice(0, stepper.runner.layout.moving)
        self.weights = np.array(rows.sums)
        self._sum(self.weights)
        self.scales = inverse(self.weights)
        self.point: Point | None = None
        """Where the weights are."""
        self.converged = False

    def iterate(self) -> np.ndarray | None:
        """One iteration; (outputs, 3): the sums over all rows of loss, metric and weight, where it ends. None: where it
        starts the objective is not finite."""
        start = self.point or self._evaluated(self.state.weights[self.moving].copy())
        if not np.isfinite(start.f):
            return None
        end = self._searched(start, self._direction(start))
        if end is None and any(s.any() for s, _ in self._pairs()):
            for vector in self.state.vectors:  # what it remembers misleads it: once more along the gradient
                vector.fill(0)
            end = self._searched(start, self._direction(start))
        if end is not None:
            self._remember(start, end)
        self.converged = end is None or start.f - end.f <= MIN_DECREASE * max(abs(start.f), abs(end.f))
        self.point = end or start
        self.state.weights[self.moving] = self.point.w
        self.state.clock.count += 1
        return np.column_stack([self.point.measures * self.weights[:, None], self.weights])

    def _direction(self, start: Point) -> np.ndarray:
        """(n,): rank 0's, on every rank. A first step is no longer than 1."""
        p = np.zeros(len(start.g))
        if self.first:
            pairs = self._pairs()
            p = self.optimizer.direction(start.g, pairs)
            if not any(s.any() for s, _ in pairs):
                p /= max(1.0, float(np.linalg.norm(p)))
        self._sum(p)
        return p

    def _searched(self, start: Point, p: np.ndarray) -> Point | None:
        """The point along p that meets Wolfe's conditions, or else the lowest that was looked at; None: none is lower than
        the start."""
        from scipy.optimize import line_search  # which takes a while to import, and only these fits need

        points: dict[float, Point] = {}

        def at(t: np.ndarray) -> Point:
            if t[0] not in points:
                points[t[0]] = self._evaluated((start.w + t[0] * p).astype(np.float32))
            return points[t[0]]

        def derivative(t: np.ndarray) -> np.ndarray:
            return self._derivative(at(t), p)

        first = self._derivative(start, p)
        if not first[0] < 0:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it found none
            line = np.zeros(1), np.ones(1), first, start.f
            length = line_search(lambda t: at(t).f, derivative, *line, maxiter=TRIES)[0]
        if length is not None:
            return at(np.array([length]))
        lowest = min(points.values(), key=lambda point: point.f, default=start)
        return lowest if lowest.f < start.f else None

    def _derivative(self, point: Point, p: np.ndarray) -> np.ndarray:
        """(1,): the derivative of f along p."""
        derivative = np.array([float(point.g @ p) if self.first else 0.0])
        self._sum(derivative)
        return derivative

    def _sum(self, numbers: np.ndarray) -> None:
        with self.stepper.meter.timed("exchanging"):
            self.total(numbers)

    def _evaluated(self, w: np.ndarray) -> Point:
        """f and its gradient at w, by one pass over all ranks' rows."""
        stepper, count, heads, rows = self.stepper, len(w), len(self.weights), self.rows.in_order()
        self.state.weights[self.moving] = w
        sums = np.zeros(count + 2 + 2 * heads)  # gradient, objective, scores that are not finite, measures
        stepper.synchronous_sum.local, stepper.exchange_now = True, False
        with stepper.meter.timed("computing"):
            for start in range(0, len(self.rows), stepper.runner.capacity):
                stepper.compute(*rows.between(start, start + stepper.runner.capacity), self.scales)
                sums[:count] += stepper.gradients[self.moving]
                sums[count:] += [stepper.objective, stepper.tail[BROKEN], *stepper.measures.reshape(-1)]
            if self.first:
                self._penalize(w, sums)
        self._sum(sums)
        g, f, broken, measures = sums[:count], float(sums[count]), sums[count + 1], sums[count + 2 :]
        sound = broken == 0 and np.isfinite(f) and np.isfinite(g).all()
        return Point(w, f if sound else float("inf"), g, measures.reshape(heads, 2))

    def _penalize(self, w: np.ndarray, sums: np.ndarray) -> None:
        """Add weight decay to the gradient and to the objective behind it."""
        for run in self.stepper.runs:
            decay, part = self.recipe.l2 * run.decays, w[run.stretch].astype(np.float64)
            sums[run.stretch] += decay * part
            sums[len(w)] += decay / 2 * float(part @ part)

    def _pairs(self) -> list[Pair]:
        """The last iterations', the latest first: each has its turn among the vectors."""
        count, (s, y) = self.state.clock.count, (self.state.vectors[:PAIRS], self.state.vectors[PAIRS:])
        places = [(count - 1 - k) % PAIRS for k in range(PAIRS)]
        return [(s[place][self.moving], y[place][self.moving]) for place in places]

    def _remember(self, start: Point, end: Point) -> None:
        place = self.state.clock.count % PAIRS
        self.state.vectors[place][self.moving] = end.w - start.w
        self.state.vectors[PAIRS + place][self.moving] = end.g - start.g
