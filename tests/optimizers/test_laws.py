"""The laws that every optimizer obeys, over the table of optimizers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.optimizers.optimizer import Optimizer
from tests.cases.optimizers import ROWS, WRONG, Row, Steps

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda r: repr(r.optimizer))
every_twin = pytest.mark.parametrize("row", [r for r in ROWS if r.twin], ids=lambda r: repr(r.optimizer))
LAYERLESS = [row for row in ROWS if not row.optimizer.layerwise]


def state_of(optimizer: Optimizer, w: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.full_like(w, first) for first in optimizer.start())


def walked(
    optimizer: Optimizer, w: np.ndarray, steps: Steps, dtype: Any = np.float64, decays: bool = True
) -> np.ndarray:
    """The weights after the steps."""
    w = w.astype(dtype)
    state = state_of(optimizer, w)
    for count, (g, rate) in enumerate(steps, 1):
        optimizer.step(w, g.astype(dtype), state, rate, count, decays)
    return w


def drawn(n: int, count: int, rate: float | None = None, seed: int = 0) -> tuple[np.ndarray, Steps]:
    """Weights, and steps whose gradients are random, as are their rates where none is given."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), [(rng.normal(size=n), rate or rng.uniform(0.01, 0.1)) for _ in range(count)]


def descended(
    optimizer: Optimizer, gradient: Callable[[np.ndarray], np.ndarray], w: np.ndarray, rate: float, count: int
) -> np.ndarray:
    """The weights after a descent at a rate that falls to 0."""
    state = state_of(optimizer, w)
    for i in range(count):
        optimizer.step(w, gradient(w), state, rate * (1 - i / count), i + 1, False)
    return w


def test_every_kind_has_a_row_but_those_that_have_no_step() -> None:
    """Of these test_lbfgs.py and train/test_full_batch.py tell."""
    full_batch = {name for name in Optimizer.names() if Optimizer.of(name).full_batch}
    assert ({row.optimizer.kind for row in ROWS}, full_batch) == (set(Optimizer.names()) - full_batch, {"lbfgs"})


@every_row
def test_five_steps_are_the_references(row: Row) -> None:
    w, steps = drawn(37, 5)
    np.testing.assert_allclose(walked(row.optimizer, w, steps), row.reference(w, steps), rtol=1e-9, atol=1e-12)


@every_twin
def test_pytorch_says_the_same(row: Row) -> None:
    torch = pytest.importorskip("torch", reason="torch is absent: pip install torch to compare with it")
    w, steps = drawn(20, 6, rate=0.03, seed=1)
    theirs = torch.tensor(w, requires_grad=True)
    assert row.twin
    optimizer = row.twin(torch.optim, [theirs], 0.03)
    for g, _ in steps:
        theirs.grad = torch.tensor(g)
        optimizer.step()
    np.testing.assert_allclose(walked(row.optimizer, w, steps), theirs.detach().numpy(), rtol=1e-7, atol=1e-9)


@every_row
def test_a_parabola_is_descended(row: Row) -> None:
    low, steep = np.array([1.0, -2.0, 0.5]), np.array([1.0, 3.0, 0.3])
    w = descended(row.optimizer, lambda w: 2 * steep * (w - low), np.array([-1.0, 1.0, 2.0]), row.parabola, 500)
    np.testing.assert_allclose(w, low, atol=1e-2)


@every_row
def test_rosenbrocks_valley_is_descended(row: Row) -> None:
    def gradient(w: np.ndarray) -> np.ndarray:
        x, y = w
        return np.array([2 * (x - 1) - 40 * x * (y - x * x), 20 * (y - x * x)])

    w = descended(row.optimizer, gradient, np.array([-1.0, 1.5]), row.rosenbrock, 5000)
    np.testing.assert_allclose(w, [1, 1], atol=2e-2)


@pytest.mark.parametrize("row", LAYERLESS, ids=lambda r: repr(r.optimizer))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_vector_in_runs_is_the_vector_whole_bit_for_bit(row: Row, dtype: Any) -> None:
    w, steps = drawn(203, 3, seed=2)
    whole = walked(row.optimizer, w, steps, dtype)
    runs = [slice(0, 7), slice(7, 7), slice(7, 140), slice(140, 203)]
    parts = [walked(row.optimizer, w[run], [(g[run], rate) for g, rate in steps], dtype) for run in runs]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@every_row
@pytest.mark.parametrize("decays", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_of_the_padding_stay_zeros(row: Row, dtype: Any, decays: bool) -> None:
    w, steps = drawn(40, 4, seed=3)
    for padded in (w, *(g for g, _ in steps)):
        padded[24:] = 0
    np.testing.assert_array_equal(walked(row.optimizer, w, steps, dtype, decays)[24:], 0)
    np.testing.assert_array_equal(walked(row.optimizer, 0 * w, [(0 * g, r) for g, r in steps], dtype, decays), 0)


@every_row
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_who_steps_by_rows_leaves_weights_without_gradients_as_they_are(row: Row, dtype: Any) -> None:
    """Bit for bit, their vectors too; and who does not, would not."""
    w, steps = drawn(40, 4, seed=8)
    w, state = w.astype(dtype), state_of(row.optimizer, w.astype(dtype))
    for count, (g, rate) in enumerate(steps, 1):
        row.optimizer.step(w, g.astype(dtype), state, rate, count, True)
    before = [part.copy() for part in (w, *state)]
    row.optimizer.step(w, np.zeros_like(w), state, 0.1, 5, True)
    assert row.optimizer.by_row == all(map(np.array_equal, before, (w, *state)))


def test_adam_is_lazy_where_it_is_told() -> None:
    assert (Optimizer.of("adam").by_row, Optimizer.of({"kind": "adam", "lazy": True}).by_row) == (False, True)


@every_row
def test_float32_is_near_float64(row: Row) -> None:
    w, steps = drawn(500, 5, seed=4)
    single = walked(row.optimizer, w, steps, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, walked(row.optimizer, w, steps), rtol=2e-5, atol=2e-5)


@every_row
def test_gradients_are_left_as_they_are(row: Row) -> None:
    w, steps = drawn(9, 3, seed=5)
    before = [g.copy() for g, _ in steps]
    walked(row.optimizer, w, steps)
    np.testing.assert_array_equal([g for g, _ in steps], before)


@every_row
def test_each_vector_has_a_start(row: Row) -> None:
    assert len(row.optimizer.start()) == len(row.optimizer.vectors) == len(set(row.optimizer.vectors))


@every_row
def test_a_rate_of_0_moves_nothing_that_has_no_speed(row: Row) -> None:
    w, steps = drawn(9, 2, seed=6)
    np.testing.assert_array_equal(walked(row.optimizer, w, [(g, 0.0) for g, _ in steps]), w)


@pytest.mark.parametrize("row", [r for r in ROWS if hasattr(r.optimizer, "decay")], ids=lambda r: repr(r.optimizer))
def test_a_decay_that_does_not_reach_is_adam(row: Row) -> None:
    w, steps = drawn(9, 4, seed=7)
    adam = Optimizer.of({"kind": "adam", "epsilon": row.optimizer.epsilon})  # type: ignore[attr-defined]
    np.testing.assert_allclose(walked(row.optimizer, w, steps, decays=False), walked(adam, w, steps), rtol=1e-12)


@every_row
def test_json_and_print_there_and_back(row: Row) -> None:
    assert Optimizer.of(json.loads(json.dumps(row.optimizer.to_json()))) == row.optimizer
    assert eval(repr(row.optimizer), {type(row.optimizer).__name__: type(row.optimizer)}) == row.optimizer


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_wrong_fields_are_answered_in_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        make()


def test_a_fall_of_the_rate_does_not_scale_the_speed_already_gained() -> None:
    """Caffe's form of momentum: v holds the rate under which it was gained."""
    w, zero = np.zeros(1), np.zeros(1)
    steps = [(np.ones(1), 1.0), (zero, 0.1)]
    np.testing.assert_allclose(walked(Optimizer.of("momentum"), w, steps), [-1.9])
