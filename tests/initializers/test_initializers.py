"""The laws that every initializer obeys, over the rows of tests/cases/initializers.py."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers import initializer
from spark_deepnet.initializers.bilinear import Bilinear
from spark_deepnet.initializers.glorot_uniform import GlorotUniform
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.initializers.normal import Normal
from spark_deepnet.initializers.orthogonal import Orthogonal
from spark_deepnet.kernels.random import key_of
from tests.cases.initializers import FAN_IN, FAN_OUT, INITIALIZERS, InitializerCase

each_initializer = pytest.mark.parametrize("case", INITIALIZERS, ids=lambda case: repr(case.initializer))
KEY = key_of(7, "W")


def filled(
    case: InitializerCase, key: np.uint64 = KEY, dtype: Any = np.float64, shape: Any = (FAN_IN, FAN_OUT)
) -> np.ndarray:
    out = np.full(shape, np.nan, dtype)
    case.initializer.fill(out, key, FAN_IN, FAN_OUT)
    return out


def test_every_initializer_has_a_row() -> None:
    assert set(Initializer.names()) == {case.initializer.kind for case in INITIALIZERS}


@each_initializer
def test_the_same_key_gives_the_same_numbers(case: InitializerCase) -> None:
    np.testing.assert_array_equal(filled(case), filled(case))
    if case.stddev > 0:
        for other in (KEY ^ np.uint64(1), np.uint64(0), np.uint64(2**64 - 1)):
            assert not np.isclose(filled(case), filled(case, other)).all()


@each_initializer
def test_moments_and_bounds(case: InitializerCase) -> None:
    w = filled(case)
    assert abs(w.mean() - case.mean) <= 4 * case.stddev / np.sqrt(w.size) + 1e-15
    assert abs(w.std() - case.stddev) <= 0.06 * case.stddev + 1e-15
    assert (w >= case.low).all()
    assert (w <= case.high).all()


@each_initializer
def test_float32_numbers_are_the_float64_ones_rounded(case: InitializerCase) -> None:
    np.testing.assert_array_equal(filled(case, dtype=np.float32), filled(case).astype(np.float32))


@each_initializer
@pytest.mark.parametrize("shape", [(1, 1), (3, 3, 2, 5), (1, 9), (9, 1)], ids=str)
def test_any_shape_is_filled(case: InitializerCase, shape: tuple[int, ...]) -> None:
    assert np.isfinite(filled(case, shape=shape)).all()


def named(*entries: int) -> np.ndarray:
    return np.array(entries)


PARTS: list[tuple[tuple[int, ...], tuple[np.ndarray | None, ...]]] = [
    ((7, 5), (None, None)),
    ((7, 5), (None, named(1, 2, 3))),
    ((7, 5), (named(0, 3, 4, 5), None)),
    ((7, 5), (named(6, 2, 3, 0), named(4, 0, 1))),
    ((3, 2, 4, 6), (None, None, named(1, 2), None)),
    ((3, 2, 4, 6), (None, None, None, named(5))),
]


@each_initializer
@pytest.mark.parametrize(("shape", "entries"), PARTS, ids=str)
@pytest.mark.parametrize("buffer", [4, 11, initializer.BUFFER_NUMBERS])
def test_a_part_is_filled_as_the_whole_has_it(
    case: InitializerCase, shape: Any, entries: Any, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initializer, "BUFFER_NUMBERS", buffer)
    every = [np.arange(n) if e is None else e for n, e in zip(shape, entries, strict=True)]
    for dtype in (np.float32, np.float64):
        part = np.full([len(e) for e in every], np.nan, dtype)
        case.initializer.fill_part(part, shape, entries, KEY, FAN_IN, FAN_OUT)
        np.testing.assert_array_equal(part, filled(case, dtype=dtype, shape=shape)[np.ix_(*every)])


@each_initializer
def test_a_vector_is_filled_in_part(case: InitializerCase) -> None:
    if isinstance(case.initializer, Orthogonal | Bilinear):
        pytest.skip("takes two axes or more")
    part = np.empty(2)
    case.initializer.fill_part(part, (6,), (named(1, 4),), KEY, FAN_IN, FAN_OUT)
    np.testing.assert_array_equal(part, filled(case, shape=(6,))[[1, 4]])


@pytest.mark.parametrize("made", [GlorotUniform(), Normal()], ids=repr)
def test_a_part_is_filled_in_little_memory(made: Initializer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initializer, "BUFFER_NUMBERS", 1 << 10)
    part, lines, columns = np.empty((20, 100), np.float32), np.arange(180, 200), np.arange(50, 150)
    made.fill(part, KEY, 1, 1)  # compiles
    tracemalloc.start()
    made.fill_part(part, (10_000, 200), (lines, columns), KEY, FAN_IN, FAN_OUT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16, "the whole takes 8 MB"


@each_initializer
def test_an_initializer_survives_json_and_print(case: InitializerCase) -> None:
    made = case.initializer
    assert Initializer.of(json.loads(json.dumps(made.to_json()))) == made
    assert eval(repr(made), {type(made).__name__: type(made)}) == made
    assert Initializer.of(made.kind) == type(made)()


@pytest.mark.parametrize("shape", [(8, 8), (9, 4), (4, 9), (3, 3, 2, 5), (2, 2, 30)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal(shape: tuple[int, ...], gain: float) -> None:
    out = np.empty(shape)
    Orthogonal(gain).fill(out, KEY, 1, 1)
    w = out.reshape(-1, shape[-1])
    product = w.T @ w if len(w) >= shape[-1] else w @ w.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


@pytest.mark.parametrize(("make", "fragment"), [b for case in INITIALIZERS for b in case.bad])
def test_what_cannot_be_is_refused_in_a_sentence(make: Any, fragment: str) -> None:
    with pytest.raises(ParamError) as caught:
        make()
    assert fragment in str(caught.value)


def test_a_sparse_normal_leaves_as_many_outputs_to_an_input_as_it_says() -> None:
    w = np.empty((3000, 50))
    Normal(sparse=7).fill(w, KEY, 3000, 50)
    dense = np.empty((3000, 50))
    Normal().fill(dense, KEY, 3000, 50)
    kept = w != 0
    assert abs(kept.sum(1).mean() - 7) < 0.2
    np.testing.assert_array_equal(w[kept], dense[kept])


@pytest.mark.parametrize(
    ("size", "line"), [(4, [0.25, 0.75, 0.75, 0.25]), (3, [0.25, 0.75, 0.75]), (2, [1, 0]), (1, [1.0])]
)
def test_a_bilinear_window_is_caffes(size: int, line: list[float]) -> None:
    w = np.empty((size, size, 2, 3), np.float32)
    Bilinear().fill(w, KEY, 1, 1)
    np.testing.assert_allclose(w, np.broadcast_to(np.outer(line, line)[:, :, None, None], w.shape))
