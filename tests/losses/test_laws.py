"""The laws that every loss obeys, over the table of losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses._metrics import METRICS
from spark_deepnet.losses.loss import Loss, PartialStats
from tests.cases.losses import ROWS, WRONG, Row

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.loss!r}-{r.units}")
every_twin = pytest.mark.parametrize("row", [r for r in ROWS if r.twin], ids=lambda r: f"{r.loss!r}-{r.units}")


def measured(
    row: Row, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, dtype: Any = np.float64
) -> tuple[float, np.ndarray]:
    """The loss and its gradients, all floats of one dtype."""
    labels = row.loss.task == "classification"
    gradients = np.full(scores.shape, np.nan, dtype)
    targets = targets if labels else targets.astype(dtype)
    return row.loss.measure(scores.astype(dtype), targets, weights.astype(dtype), gradients), gradients


def test_every_kind_has_a_row() -> None:
    assert {row.loss.kind for row in ROWS} == set(Loss.names())


@every_row
def test_the_value_is_the_references(row: Row) -> None:
    z, t, w = row.draw(9)
    loss, _ = measured(row, z, t, w)
    assert isinstance(loss, float)
    np.testing.assert_allclose(loss, w @ row.reference(z, t), rtol=1e-12)


@every_row
def test_the_gradient_is_that_of_the_value(row: Row) -> None:
    z, t, w = row.draw(6, seed=1)
    _, gradients = measured(row, z, t, w)
    h = 1e-6
    for i in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[i] = h
        central = w @ (row.reference(z + step, t) - row.reference(z - step, t)) / (2 * h)
        np.testing.assert_allclose(gradients[i], central, rtol=1e-6, atol=1e-8)


@every_row
def test_float32_is_near_float64(row: Row) -> None:
    z, t, w = row.draw(200, seed=2)
    loss, gradients = measured(row, z, t, w)
    loss32, gradients32 = measured(row, z, t, w, np.float32)
    np.testing.assert_allclose(loss32, loss, rtol=1e-6)
    np.testing.assert_allclose(gradients32, gradients, rtol=2e-5, atol=2e-6)


@every_twin
def test_pytorch_says_the_same(row: Row) -> None:
    torch = pytest.importorskip("torch", reason="torch is absent: pip install torch to compare with it")
    assert row.twin
    z, t, w = row.draw(7, seed=3)
    loss, gradients = measured(row, z, t, w)
    theirs = torch.tensor(z, requires_grad=True)
    total = (torch.tensor(w) * row.twin(torch.nn.functional, theirs, torch.tensor(t))).sum()
    total.backward()
    np.testing.assert_allclose(loss, total.item(), rtol=1e-12)
    np.testing.assert_allclose(gradients, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


@every_row
def test_inputs_are_left_as_they_are(row: Row) -> None:
    given = row.draw(5)
    before = [a.copy() for a in given]
    row.loss.measure(*given, np.empty_like(given[0]))
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)


@every_row
def test_a_weight_of_three_is_three_rows(row: Row) -> None:
    z, t, _ = row.draw(4, seed=4)
    once, gradients = measured(row, z, t, np.ones(4))
    thrice, steeper = measured(row, z, t, np.full(4, 3.0))
    repeated, _ = measured(row, np.repeat(z, 3, 0), np.repeat(t, 3, 0), np.ones(12))
    np.testing.assert_allclose([thrice, repeated], 3 * once, rtol=1e-12)
    np.testing.assert_allclose(steeper, 3 * gradients, rtol=1e-12, atol=1e-15)


@every_row
def test_a_row_of_weight_0_has_no_influence(row: Row) -> None:
    z, t, w = row.draw(6, seed=5)
    w[3:] = 0
    z[3:] *= 10
    loss, gradients = measured(row, z, t, w)
    np.testing.assert_allclose(loss, measured(row, z[:3], t[:3], w[:3])[0], rtol=1e-12)
    np.testing.assert_array_equal(gradients[3:], 0)


@every_row
def test_extreme_scores_give_finite_numbers(row: Row) -> None:
    _, t, w = row.draw(8)
    z = row.extreme * np.sign(np.random.default_rng(6).normal(size=(8, row.units)))
    loss, gradients = measured(row, z, t, w, np.float32)
    assert np.isfinite(loss)
    assert np.isfinite(gradients).all()


@every_row
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_rows_lose_nothing(row: Row, dtype: Any) -> None:
    loss, _ = measured(row, *row.draw(0), dtype)
    assert loss == 0.0


@every_row
def test_a_sum_over_many_rows_is_kept_in_float64(row: Row) -> None:
    z, t, _ = row.draw(1, seed=7)
    n = 3000
    one, _ = measured(row, z, t, np.ones(1), np.float32)
    multi_input, _ = measured(row, np.repeat(z, n, 0), np.repeat(t, n, 0), np.ones(n), np.float32)
    np.testing.assert_allclose(multi_input, n * one, rtol=1e-9)


@every_row
def test_json_and_print_there_and_back(row: Row) -> None:
    assert Loss.of(json.loads(json.dumps(row.loss.to_json()))) == row.loss
    assert eval(repr(row.loss), {type(row.loss).__name__: type(row.loss)}) == row.loss


@every_row
def test_the_link_is_a_layer_and_the_task_is_known(row: Row) -> None:
    assert row.loss.link is None or row.loss.link in Layer.names()
    assert row.loss.task in ("classification", "multilabel", "regression")


@every_row
def test_the_units_of_a_row_are_allowed(row: Row) -> None:
    row.loss.check_units(row.units)


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_wrong_fields_are_answered_in_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        make()


@pytest.mark.parametrize("z", [20.0, 40.0])
def test_a_right_and_sure_answer_keeps_its_small_loss(z: float) -> None:
    row = next(r for r in ROWS if r.loss.kind == "sigmoid_cross_entropy" and r.units == 1)
    loss, _ = measured(row, np.array([[z]]), np.array([[1.0]]), np.ones(1), np.float32)
    np.testing.assert_allclose(loss, np.log1p(np.exp(-z)), rtol=1e-5)


UNITS = 11
CUTS = {
    1: [np.arange(UNITS)],
    2: [np.arange(7), np.arange(7, UNITS)],
    3: [np.arange(1), np.arange(1, 6), np.arange(6, UNITS)],
    4: [np.array([0, 4]), np.array([3]), np.array([1, 2, 8, 10]), np.array([5, 6, 7, 9])],
}
"""By number of blocks, the entries of each: uneven, and of four not even side by side."""
each_cut = pytest.mark.parametrize("entries", CUTS.values(), ids=lambda cut: f"{len(cut)} blocks")
kinds = pytest.mark.parametrize("row", [r for r in ROWS if r.units > 1], ids=lambda r: f"{r.loss!r}-{r.units}")


def by_parts(
    row: Row, z: np.ndarray, t: np.ndarray, w: np.ndarray, entries: list[np.ndarray], dtype: Any
) -> tuple[float, float, np.ndarray]:
    """Loss, metric and gradients as the blocks find them, each from its entries and what all have told."""
    loss, metric = row.loss, METRICS[row.loss.task]
    labels, split = loss.task == "classification", loss.num_stats or 0
    t, w = t if labels else t.astype(dtype), w.astype(dtype)
    numbers = np.full((len(entries), split + metric.num_stats, len(z)), np.nan, dtype)
    parts = [np.ascontiguousarray(z[:, own], dtype) for own in entries]
    targets = [t if labels else np.ascontiguousarray(t[:, own]) for own in entries]
    gradients = [np.full(part.shape, np.nan, dtype) for part in parts]
    for b, own in enumerate(entries):
        loss.write_stats(parts[b], numbers[b, :split], gradients[b])
        places = np.full(UNITS, -1, np.int32)
        places[own] = np.arange(len(own))
        if labels:
            loss.write_label_stats(parts[b], places[t], numbers[b, :split], gradients[b])
        metric.write_stats(parts[b], targets[b], own, numbers[b, split:])
    found, whole = np.zeros(2), np.full(z.shape, np.nan)
    for b, own in enumerate(entries):
        places = np.full(UNITS, -1, np.int32)
        places[own] = np.arange(len(own))
        told = PartialStats(numbers[:, :split], b, own, places)
        of_metric = metric.sum_part(parts[b], targets[b], w, replace(told, numbers=numbers[:, split:]))
        found += loss.measure_part(parts[b], targets[b], w, gradients[b], told), of_metric
        whole[:, own] = gradients[b]
    return found[0], found[1], whole


@kinds
@each_cut
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)], ids=["float64", "float32"])
def test_what_blocks_find_by_parts_adds_up_to_the_whole(
    row: Row, entries: list[np.ndarray], dtype: Any, tolerance: float
) -> None:
    row = replace(row, units=UNITS)
    z, t, w = row.draw(40, seed=8)
    expected, gradients = measured(row, z, t, w, dtype)
    loss, metric, found = by_parts(row, z, t, w, entries, dtype)
    assert loss == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(found, gradients, rtol=tolerance, atol=tolerance)
    assert metric == pytest.approx(METRICS[row.loss.task].sum(z.astype(dtype), t, w.astype(dtype)), rel=tolerance)


@each_cut
def test_of_equal_scores_in_several_blocks_the_first_is_taken(entries: list[np.ndarray]) -> None:
    row = replace(ROWS[0], units=UNITS)
    z, t, _ = row.draw(50, seed=9, scale=0.7)
    z = np.round(z)
    z[0], t[0], t[1] = 0, 0, z[1].argmax()
    w = 2.0 ** np.arange(50)  # whose sums tell which rows were counted
    expected = METRICS["classification"].sum(z, t, w)
    assert 0 < expected == by_parts(row, z, t, w, entries, np.float64)[1]


@kinds
@each_cut
def test_extreme_scores_in_other_blocks_give_finite_numbers(row: Row, entries: list[np.ndarray]) -> None:
    row = replace(row, units=UNITS)
    _, t, w = row.draw(8)
    z = row.extreme * np.sign(np.random.default_rng(6).normal(size=(8, UNITS)))
    z[0], z[1] = -row.extreme, row.extreme * np.linspace(-1, 1, UNITS)
    loss, _, gradients = by_parts(row, z, t, w, entries, np.float32)
    expected, expected_gradients = measured(row, z, t, w, np.float32)
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradients, expected_gradients, rtol=1e-5, atol=1e-6)
