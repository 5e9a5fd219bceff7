"""The laws that every layer obeys, over the rows of tests/cases/layers.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import DeepNetError
from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Arrays, Call, Layer
from spark_deepnet.registry import FAMILIES, class_from_folder
from tests.cases.layer_case import KEY, LayerCase, rows_numbers
from tests.cases.layers import LAYERS

each_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)
FLOATS = (np.float32, np.float64)


@dataclass
class Passes:
    """One layer on some rows: what goes in, and room for what comes out."""

    case: LayerCase
    n: int = 4
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        layer, rng = self.case.layer, np.random.default_rng(len(self.case.id))
        self.shape = layer.shape(self.case.x_shape)
        shapes = self.case.x_shape if layer.multi_input else (self.case.x_shape,)
        xs = tuple(self.drawn(rng, (self.n, *s)) for s in shapes)
        self.x: Any = xs if layer.multi_input else xs[0]
        asked = layer.weights(self.case.x_shape)
        self.trained = [name for name, a in asked.items() if a.trained]
        self.w = {name: rng.normal(size=a.shape).astype(self.dtype) for name, a in asked.items() if a.trained}
        kept_up = {name: a for name, a in asked.items() if not a.trained}  # such as a variance
        self.w |= {name: rng.uniform(0.5, 2, a.shape).astype(self.dtype) for name, a in kept_up.items()}
        self.dy = rng.normal(size=(self.n, *self.shape)).astype(self.dtype)
        saves = layer.saves(self.case.x_shape)
        saved = {name: aligned((self.n, *s), t or self.dtype) for name, (s, t) in saves.items()}
        self.call = Call(training=self.case.training, key=KEY, rows=rows_numbers(self.n), saved=saved)

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in -4..4 with a distance from all kinks."""
        x = rng.uniform(-4, 4, shape)
        for kink in self.case.kinks:
            x = np.where(np.abs(x - kink) < 0.01, kink + 0.5, x)
        return x.astype(self.dtype)

    def forward(self, x: Any = None, y: np.ndarray | None = None, w: Arrays | None = None) -> np.ndarray:
        y = np.full((self.n, *self.shape), np.nan, self.dtype) if y is None else y
        self.case.layer.forward(self.w if w is None else w, self.x if x is None else x, y, self.call)
        return y

    def backward(self, x: Any, y: Any, dy: np.ndarray, dx: Any) -> Arrays:
        gradients = {name: np.full_like(a, np.nan) for name, a in self.w.items()}
        self.case.layer.backward(self.w, x, y, dy, dx, gradients, self.call)
        return gradients

    def room(self) -> Any:
        """dx, not yet written."""
        return mapped(lambda a: np.full_like(a, np.nan), self.x)

    def read(self, y: np.ndarray) -> tuple[Any, np.ndarray]:
        """x and y as backward finds them: what the layer does not read is overwritten."""
        reads = self.case.layer.reads
        x = self.x if "x" in reads else mapped(lambda a: np.full_like(a, np.nan), self.x)
        return x, y if "y" in reads else np.full_like(y, np.nan)


def mapped(function: Any, x: Any) -> Any:
    return tuple(function(a) for a in x) if isinstance(x, tuple) else function(x)


def strided(x: np.ndarray) -> np.ndarray:
    """The same numbers, two steps apart in each axis."""
    wide = np.full([2 * s for s in x.shape], np.nan, x.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def same(a: Any, b: Any) -> None:
    for p, q in zip(a, b, strict=True) if isinstance(a, tuple) else ((a, b),):
        np.testing.assert_array_equal(p, q)


def close(a: Any, b: Any, tolerance: float) -> None:
    for p, q in zip(a, b, strict=True) if isinstance(a, tuple) else ((a, b),):
        np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance)


EXEMPT = {"input"}  # computes nothing, and a network never runs it: tests/layers/test_input.py


def test_every_layer_has_a_row() -> None:
    assert set(Layer.names()) - EXEMPT == {case.layer.kind for case in LAYERS}


@pytest.mark.parametrize("kind", Layer.names())
def test_a_layer_is_found_by_kind_and_by_class(kind: str) -> None:
    found = Layer.named(kind)
    assert found is class_from_folder("spark_deepnet.layers", found.__name__)
    assert found.__module__ == f"spark_deepnet.layers.{kind}"
    assert found.__doc__


@each_layer
def test_what_a_layer_keeps_may_hold_anything_before(case: LayerCase) -> None:
    """Scoring gives it memory that other layers have used."""
    passes = Passes(case)
    passes.call.training = False
    y = passes.forward()
    for array in passes.call.saved.values():
        array.view(np.uint8)[...] = 0xFF
    np.testing.assert_array_equal(passes.forward(), y)


@each_layer
@pytest.mark.parametrize("n", [4, 1, 0])
def test_forward_is_the_reference(case: LayerCase, n: int) -> None:
    p = Passes(case, n)
    y = p.forward()
    assert y.shape == (n, *case.layer.shape(case.x_shape))
    close(y, case.reference(p.w, p.x), 1e-12)


def draws(case: LayerCase) -> bool:
    """Whether the key of a step changes what the layer computes in training."""
    ys = []
    for key in KEY, KEY + np.uint64(1):
        passes = Passes(case, 64)
        passes.call.training, passes.call.key = True, key
        ys.append(passes.forward())
    return not np.array_equal(*ys)


@each_layer
def test_who_draws_random_numbers_says_so(case: LayerCase) -> None:
    """Solvers that need the same loss whenever it is computed refuse such layers."""
    assert case.layer.is_random or not draws(case)


def test_and_who_says_so_draws_them() -> None:
    assert {case.layer.kind for case in LAYERS if case.layer.is_random and draws(case)} == {
        kind for kind in Layer.names() if Layer.named(kind).is_random
    }


@each_layer
@pytest.mark.parametrize("n", [4, 1, 0])
def test_backward_writes_all_gradients(case: LayerCase, n: int) -> None:
    p = Passes(case, n)
    y, dx = p.forward(), p.room()
    gradients = p.backward(*p.read(y), p.dy, dx)
    for written in (*gradients.values(), *(dx if case.layer.multi_input else (dx,))):
        assert np.isfinite(written).all()


@each_layer
def test_inputs_are_left_as_they_are(case: LayerCase) -> None:
    p = Passes(case)
    x, w, dy = mapped(np.copy, p.x), {k: a.copy() for k, a in p.w.items()}, p.dy.copy()
    y = p.forward()
    before = y.copy()
    p.backward(p.x, y, p.dy, p.room())
    same(p.x, x)
    same(tuple(p.w[k] for k in p.trained), tuple(w[k] for k in p.trained))
    same((p.dy, y), (dy, before))


@each_layer
@pytest.mark.parametrize("dtype", FLOATS[:1] if JIT else FLOATS)  # compiled, each kernel is another one for strides
def test_strides_do_not_matter(case: LayerCase, dtype: Any) -> None:
    p = Passes(case, dtype=dtype)
    y, dx = p.forward(), p.room()
    gradients = p.backward(p.x, y, p.dy, dx)
    x, dx2 = mapped(strided, p.x), p.room()
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    close(p.forward(x), y, tolerance)
    gradients2 = p.backward(x, y, strided(p.dy), dx2)
    close(dx2, dx, tolerance)
    close(tuple(gradients2.values()), tuple(gradients.values()), tolerance)


@each_layer
def test_y_may_take_the_place_of_x(case: LayerCase) -> None:
    p = Passes(case)
    first = p.x[0] if case.layer.multi_input else p.x
    if "x" in case.layer.reads or first.size != p.dy.size:
        return
    y, memory = p.forward(), first.copy()
    x = (memory, *p.x[1:]) if case.layer.multi_input else memory
    p.forward(x, memory.reshape(y.shape))
    close(memory.reshape(y.shape), y, 1e-12)  # sums over memory that overlaps are grouped otherwise


@each_layer
def test_dx_may_take_the_place_of_dy(case: LayerCase) -> None:
    if "x" in case.layer.reads and not case.layer.in_place:
        return  # then they are two buffers
    p = Passes(case)
    y, dx = p.forward(), p.room()
    gradients = p.backward(p.x, y, p.dy, dx)
    first = dx[0] if case.layer.multi_input else dx
    if first.size != p.dy.size:
        return
    memory = p.dy.copy()
    place = memory.reshape(first.shape)
    gradients2 = p.backward(p.x, y, memory, (place, *p.room()[1:]) if case.layer.multi_input else place)
    close(place, first, 1e-12)
    close(tuple(gradients2.values()), tuple(gradients.values()), 1e-12)


@each_layer
def test_without_dx_the_gradients_are_the_same(case: LayerCase) -> None:
    p = Passes(case)
    y = p.forward()
    gradients = p.backward(p.x, y, p.dy, p.room())
    same(tuple(p.backward(p.x, y, p.dy, None).values()), tuple(gradients.values()))


def central(p: Passes, of: np.ndarray, forward: Any) -> np.ndarray:
    """The gradient of sum(y dy) by every number of an array, by central differences."""
    h, gradient = 1e-5, np.empty_like(of)
    for i in np.ndindex(of.shape):
        kept = of[i]
        of[i] = kept + h
        above = float(np.sum(forward() * p.dy))
        of[i] = kept - h
        gradient[i] = (above - float(np.sum(forward() * p.dy))) / (2 * h)
        of[i] = kept
    return gradient


@each_layer
def test_backward_is_the_gradient_of_forward(case: LayerCase) -> None:
    p = Passes(case, n=3)
    y, dx = p.forward(), p.room()
    gradients = p.backward(*p.read(y), p.dy, dx)
    close(dx, mapped(lambda a: central(p, a, p.forward), p.x), 1e-7)
    for name, a in p.w.items():
        close(gradients[name], central(p, a, p.forward) if name in p.trained else np.zeros_like(a), 1e-7)


@each_layer
def test_float32_is_near_float64(case: LayerCase) -> None:
    fine, rough = Passes(case), Passes(case, dtype=np.float32)
    y, y32 = fine.forward(), rough.forward()
    assert y32.dtype == np.float32
    close(y32, y, 3e-6)
    dx, dx32 = fine.room(), rough.room()
    gradients, gradients32 = fine.backward(fine.x, y, fine.dy, dx), rough.backward(rough.x, y32, rough.dy, dx32)
    close(dx32, dx, 1e-5)
    close(tuple(gradients32.values()), tuple(gradients.values()), 1e-5)


@each_layer
def test_a_layer_survives_json(case: LayerCase) -> None:
    named = type(case.layer)(**{**vars(case.layer), "name": "here", "inputs": ("a", "b")})
    for layer in (case.layer, named):
        assert Layer.of(json.loads(json.dumps(layer.to_json()))) == layer


@each_layer
def test_a_layer_prints_as_the_code_that_makes_it(case: LayerCase) -> None:
    kinds = [FAMILIES[f].named(k) for f in ("layers", "initializers") for k in FAMILIES[f].names()]
    assert eval(repr(case.layer), {c.__name__: c for c in kinds}) == case.layer


@pytest.mark.parametrize(
    ("make", "fragment"), [pytest.param(m, f, id=f"{c.layer.kind}: {f}") for c in LAYERS for m, f in c.bad]
)
def test_what_cannot_be_is_refused_in_a_sentence(make: Any, fragment: str) -> None:
    with pytest.raises(DeepNetError) as caught:
        make()
    assert fragment in str(caught.value)


@each_layer
def test_weights_are_filled_by_their_initializers(case: LayerCase) -> None:
    for weight in case.layer.weights(case.x_shape).values():
        assert weight.fan_in >= 1
        assert weight.fan_out >= 1
        out = np.full(weight.shape, np.nan, np.float32)
        weight.initializer.fill(out, KEY, weight.fan_in, weight.fan_out)
        assert np.isfinite(out).all()


def test_module_of_layers_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nonesuch'"):
        import_module("spark_deepnet.layers").Nonesuch  # noqa: B018
