"""The law of threads, over every layer of the tables: rows in parts give the same bits on any number of threads, and the
numbers that uncut rows give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels import products
from spark_deepnet.kernels.threads import threads
from spark_deepnet.layers.scale import Scale
from spark_deepnet.net import parts
from spark_deepnet.net.net import Net
from spark_deepnet.net.parts import row_parts
from spark_deepnet.net.run import Runner
from tests.cases.layer_case import KEY, LayerCase, rows_numbers
from tests.cases.layers import LAYERS

each_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is cut that can be, however little work it is."""
    for name in ("MIN_MULTIPLY_ADDS", "MIN_WORK_PER_WEIGHT"):
        monkeypatch.setattr(parts, name, 0)
    monkeypatch.setattr(products, "MIN_MULTIPLY_ADDS", 0)
    monkeypatch.setattr(products, "CUT_MULTIPLE", 2)


class Pass:
    """One layer behind one with weights, so that it has to give dx, over drawn rows in two parts of different lengths."""

    def __init__(self, case: LayerCase) -> None:
        shapes = case.x_shape if case.layer.multi_input else (case.x_shape,)
        inputs = {f"x{k}": shape for k, shape in enumerate(shapes)}
        layers: list[Any] = [replace(case.layer, inputs=tuple(inputs))]
        if case.layer.kind != "embedding":
            layers = [Scale(name=f"s{k}", inputs=(name,)) for k, name in enumerate(inputs)]
            layers.append(replace(case.layer, inputs=tuple(layer.name for layer in layers)))
        self.net, self.training = Net.of(layers, inputs), case.training
        self.n = 2 * max(8, case.layer.min_part_rows) + 5
        rng = np.random.default_rng(len(case.id))
        self.weights = self.net.layout.init_weights(5)
        self.weights += rng.uniform(0, 0.3, self.weights.shape).astype(np.float32)
        self.x = {name: rng.uniform(-4, 4, (self.n, *shape)) for name, shape in inputs.items()}
        self.dy = rng.normal(size=(self.n, *self.net.shape))

    def results(self, count: int) -> list[np.ndarray]:
        """Scores, the layer's dx and all gradients of weights, on ``count`` threads."""
        runner = Runner(self.net, self.weights, self.n)
        batch = runner.batch(self.n)
        for name, x in self.x.items():
            batch.feed[name][...] = np.abs(x) if batch.feed[name].dtype == np.int32 else x
        with threads(count), np.errstate(all="ignore"):
            y = batch.forward(self.training, KEY, rows_numbers(self.n), {}).copy()
            assert batch.gradient is not None
            batch.gradient[...] = self.dy
            batch.backward()
        dx = batch.calls[-1].dx
        dx = dx if isinstance(dx, tuple) else (dx,)
        return [y, runner.gradients.copy(), *(a.copy() for a in dx if a is not None)]


@each_layer
@pytest.mark.usefixtures("eager")
def test_threads_give_the_same_bits(case: LayerCase) -> None:
    p = Pass(case)
    one = p.results(1)
    for count in (2, 3):
        for a, b in zip(p.results(count), one, strict=True):
            np.testing.assert_array_equal(a, b)


@each_layer
def test_parts_are_the_whole(case: LayerCase, monkeypatch: pytest.MonkeyPatch) -> None:
    p = Pass(case)
    whole = p.results(1)
    assert row_parts(p.net.nodes[-1], p.n) == ()  # too little work
    monkeypatch.setattr(parts, "MIN_MULTIPLY_ADDS", 0)
    monkeypatch.setattr(parts, "MIN_WORK_PER_WEIGHT", 0)
    for a, b in zip(p.results(1), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * max(1.0, float(np.nanmax(np.abs(b), initial=0))))


@each_layer
@pytest.mark.usefixtures("eager")
def test_every_layer_is_cut_that_can_be(case: LayerCase) -> None:
    """Dense cuts its products instead, and the statistics of a batch are of all its rows."""
    p = Pass(case)
    whole = case.layer.kind == "dense" or case.layer.needs_all_reduce
    assert (row_parts(p.net.nodes[-1], p.n) == ()) == whole
