"""The proof of docs/model_parallelism.md, step by step in numbers: blocks that follow what they remember of the others.

Losses are parabolas f(w) = w'Aw / 2 - b'w in blocks; g(u) is, for each block, the gradient with the others as they were at
the round's start. Batches are parabolas of their own, whose mean is F, so that expectations are exact sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

N, BLOCKS, BATCHES = 12, 3, 8
EACH = pytest.mark.parametrize("seed", range(5))
TAUS = pytest.mark.parametrize("tau", [1, 2, 5, 20])


def norm(v: np.ndarray) -> float:
    return float(np.linalg.norm(v))


@dataclass
class Parabola:
    A: np.ndarray
    b: np.ndarray

    def value(self, w: np.ndarray) -> float:
        return float(w @ self.A @ w / 2 - self.b @ w)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return np.asarray(self.A @ w - self.b)

    def remembered(self, u: np.ndarray, start: np.ndarray) -> np.ndarray:
        """g(u): each block's gradient, the others held at the start."""
        g = np.zeros(N)
        for own in np.array_split(np.arange(N), BLOCKS):
            mixed = start.copy()
            mixed[own] = u[own]
            g[own] = self.gradient(mixed)[own]
        return g

    @property
    def L(self) -> float:
        return float(np.linalg.eigvalsh(self.A).max())

    @property
    def M(self) -> float:
        """The largest change of g over a change of u: that of the blocks on the diagonal."""
        return max(
            float(np.linalg.eigvalsh(self.A[np.ix_(own, own)]).max()) for own in np.array_split(np.arange(N), BLOCKS)
        )


def drawn(seed: int) -> tuple[Parabola, list[Parabola], np.ndarray]:
    """F, the batches whose mean it is, and where a round starts."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(BATCHES, N, N))
    batches = [Parabola(r @ r.T / N + 0.1 * np.eye(N), rng.normal(size=N)) for r in roots]
    mean = Parabola(np.mean([f.A for f in batches], 0), np.mean([f.b for f in batches], 0))
    return mean, batches, rng.normal(size=N)


def path(f: Parabola, w: np.ndarray, eta: float, tau: int) -> list[np.ndarray]:
    u = [w]
    for _ in range(tau):
        u.append(u[-1] - eta * f.remembered(u[-1], w))
    return u


@EACH
def test_what_is_remembered_is_exact_at_the_start_and_changes_no_faster_than_the_gradient(seed: int) -> None:
    f, _, w = drawn(seed)
    np.testing.assert_allclose(f.remembered(w, w), f.gradient(w), rtol=1e-12)
    assert f.M <= f.L * (1 + 1e-12)
    for u in w + np.random.default_rng(seed + 100).normal(size=(20, N)):
        assert norm(f.remembered(u, w) - f.remembered(w, w)) <= f.M * norm(u - w) * (1 + 1e-12)


@TAUS
@EACH
def test_each_inequality_of_a_round(seed: int, tau: int) -> None:
    f, _, w = drawn(seed)
    eta = 0.25 / (tau * max(f.L, f.M))
    u, G = path(f, w, eta, tau), norm(f.gradient(w))
    d = [norm(v - w) for v in u]
    for j in range(tau):
        assert d[j + 1] <= ((1 + eta * f.M) * d[j] + eta * G) * (1 + 1e-9)
        assert d[j] <= eta * j * G * np.exp(eta * f.M * j) + 1e-12
        assert d[j] <= 1.29 * eta * j * G + 1e-12
    E = eta * sum(f.remembered(v, w) - f.remembered(w, w) for v in u[:-1])
    np.testing.assert_allclose(u[-1] - w, -eta * tau * f.gradient(w) - E, rtol=1e-9, atol=1e-12)
    assert norm(E) <= 0.65 * (eta * tau * f.M) * eta * tau * G <= 0.17 * eta * tau * G
    assert norm(u[-1] - w) <= 1.17 * eta * tau * G
    assert f.value(u[-1]) <= f.value(w) - eta * tau / 2 * G * G


@TAUS
@EACH
def test_rounds_contract_a_convex_loss(seed: int, tau: int) -> None:
    f, _, w = drawn(seed)
    eta, mu = 0.25 / (tau * max(f.L, f.M)), float(np.linalg.eigvalsh(f.A).min())
    lowest, start, least = f.value(np.linalg.solve(f.A, f.b)), w, []
    for _ in range(10):
        least.append(norm(f.gradient(w)) ** 2)
        after = path(f, w, eta, tau)[-1]
        assert f.value(after) - lowest <= (1 - eta * tau * mu) * (f.value(w) - lowest) + 1e-12
        w = after
    assert min(least) <= 2 * (f.value(start) - lowest) / (eta * tau * len(least))


@TAUS
@EACH
def test_in_the_mean_over_batches(seed: int, tau: int) -> None:
    F, batches, w = drawn(seed)
    L, M = max(F.L, *(f.L for f in batches)), max(f.M for f in batches)
    P = max(L, M)
    eta = 0.25 / (tau * P)
    spread = float(np.mean([norm(f.gradient(w) - F.gradient(w)) ** 2 for f in batches]))
    after = float(np.mean([F.value(path(f, w, eta, tau)[-1]) for f in batches]))
    squared = norm(F.gradient(w)) ** 2
    assert after <= F.value(w) - eta * tau / 2 * squared + 1.01 * (eta * tau) ** 2 * P * spread


@pytest.mark.parametrize(("factor", "diverges"), [(1.0, False), (800.0, True)])
def test_the_bound_on_the_rate_is_needed(factor: float, diverges: bool) -> None:
    """Blocks that depend strongly on one another: at a rate at which single steps converge, rounds of 200 do not."""
    f, tau = Parabola(0.2 * np.eye(N) + 0.8 * np.ones((N, N)), np.zeros(N)), 200
    w = np.ones(N)
    eta = factor * 0.25 / (tau * f.L)
    assert eta * f.L < 2, "single steps converge"
    for _ in range(20):
        w = path(f, w, eta, tau)[-1]
    assert (f.value(w) > f.value(np.ones(N))) == diverges
