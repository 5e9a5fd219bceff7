"""The direction of L-BFGS against the matrix that it stands for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spark_deepnet.optimizers.lbfgs import Lbfgs, Pair
from spark_deepnet.optimizers.optimizer import Optimizer

N = 7


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, list[Pair]]:
    """A gradient, and pairs of a parabola, whose curvature is above 0."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(N, N))
    steps = rng.normal(size=(count, N))
    return rng.normal(size=N), [(s, (root @ root.T + np.eye(N)) @ s) for s in steps]


def by_matrix(g: np.ndarray, pairs: list[Pair]) -> np.ndarray:
    """-H g, H made by BFGS's update from the oldest pair to the latest (Nocedal and Wright, 6.17, 7.20)."""
    s, y = pairs[0]
    h = np.eye(N) * (s @ y) / (y @ y)
    for s, y in reversed(pairs):
        rho = 1 / (s @ y)
        v = np.eye(N) - rho * np.outer(y, s)
        h = v.T @ h @ v + rho * np.outer(s, s)
    return np.asarray(-h @ g)


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_it_is_that_of_the_matrix(count: int) -> None:
    g, pairs = drawn(count)
    np.testing.assert_allclose(Lbfgs().direction(g, pairs), by_matrix(g, pairs), rtol=1e-9)


def test_without_pairs_it_is_against_the_gradient() -> None:
    g, _ = drawn(0)
    np.testing.assert_array_equal(Lbfgs().direction(g, []), -g)
    zeros = np.zeros(N, np.float32)
    np.testing.assert_array_equal(Lbfgs().direction(g, [(zeros, zeros)]), -g)


def test_pairs_without_curvature_are_left_out() -> None:
    g, pairs = drawn(3)
    s, y = pairs[1]
    found = Lbfgs().direction(g, [pairs[0], (s, -y), pairs[2]])
    np.testing.assert_array_equal(found, Lbfgs().direction(g, [pairs[0], pairs[2]]))
    assert found @ g < 0


def test_what_it_is_given_is_left_as_it_is_in_float32_too() -> None:
    g, pairs = drawn(4)
    single = g.astype(np.float32), [(s.astype(np.float32), y.astype(np.float32)) for s, y in pairs]
    copies = [a.copy() for a in (single[0], *(a for pair in single[1] for a in pair))]
    found = Lbfgs().direction(*single)
    assert all(map(np.array_equal, copies, (single[0], *(a for pair in single[1] for a in pair))))
    np.testing.assert_allclose(found, Lbfgs().direction(g, pairs), rtol=1e-4)


def test_json_print_and_the_name_that_mllib_gives_it() -> None:
    assert Optimizer.of(json.loads(json.dumps(Lbfgs().to_json()))) == Optimizer.of("l-bfgs") == Lbfgs()
    assert repr(Lbfgs()) == "Lbfgs()"
