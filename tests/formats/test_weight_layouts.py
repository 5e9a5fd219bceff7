"""Weights of Keras and PyTorch in this package's layers compute what they compute there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.formats import keras, torch
from tests.cases.weight_layouts import KERAS, TORCH, LayoutCase
from tests.formats.weight_files import archive, legacy_h5, safetensors, scores, weights_h5

RTOL = 1e-5


def random_array(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Numbers that may be variances too."""
    return rng.uniform(0.1, 1.0, shape).astype(np.float32) * (1 if len(shape) == 1 else rng.choice([-1, 1], shape))


def rows(rng: np.random.Generator, case: LayoutCase) -> np.ndarray:
    if case.tokens:
        return rng.integers(0, case.tokens, (4, *case.shape)).astype(np.float32)
    return rng.normal(size=(4, *case.shape)).astype(np.float32)


def assert_same(case: LayoutCase, arrays: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> None:
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in arrays.values())
    assert np.ptp(y, axis=0).max() > 0.1
    np.testing.assert_allclose(scores(case.layers, case.shape, arrays, x), y, rtol=RTOL, atol=RTOL * np.abs(y).max())


@pytest.mark.parametrize("case", KERAS, ids=lambda case: case.name)
def test_a_layer_of_keras(case: LayoutCase, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    groups = {group: [random_array(rng, s) for s in shapes] for group, shapes in case.arrays.items()}
    flat, x = [array for own in groups.values() for array in own], rows(rng, case)
    y = case.compute(x.astype(np.float64), *(array.astype(np.float64) for array in flat))
    legacy = {"own": {f"own/{k}:0": array for k, array in enumerate(flat)}}
    for path in (weights_h5(tmp_path / "a.weights.h5", groups), legacy_h5(tmp_path / "a.h5", legacy)):
        assert_same(case, keras.weights(path, case.layers, case.shape), x, y)


def of_torch(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1) if x.ndim == 4 else x


def held(y: np.ndarray) -> np.ndarray:
    return np.moveaxis(y, 1, -1) if y.ndim == 4 else y


@pytest.mark.parametrize("case", TORCH, ids=lambda case: case.name)
def test_a_module_of_torch(case: LayoutCase, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = {name: random_array(rng, shape) for name, shape in case.arrays.items()}  # type: ignore[arg-type]
    x = rows(rng, case)
    y = held(case.compute(of_torch(x).astype(np.float64), *(array.astype(np.float64) for array in arrays.values())))
    path = safetensors(tmp_path / "a.safetensors", arrays | {"n.num_batches_tracked": np.array(3)})
    assert_same(case, torch.weights(path, case.layers, case.shape), x, y)


def test_the_tables_have_every_kind_with_weights() -> None:
    """A kind of layer without a row would be taken over unseen."""
    from spark_deepnet.formats.keras.layouts import KINDS
    from spark_deepnet.formats.torch.layouts import _LAYOUTS

    used = [{layer.kind for case in cases for layer in case.layers} for cases in (KERAS, TORCH)]
    assert {kind for kind in KINDS.values() if kind} <= used[0]
    assert _LAYOUTS.keys() - {"scale", "instance_norm"} <= used[1]


def test_an_archive_has_the_config_s_order_and_names(tmp_path: Path) -> None:
    """Conv2D, then its class again: groups are counted by class, whatever the user calls the layers."""
    rng = np.random.default_rng(2)
    first, second = (random_array(rng, (4, 4)) for _ in range(2))
    groups = {"layers/dense": [first, first[0]], "layers/dense_1": [second, second[0]]}
    layers = [
        ("InputLayer", {"name": "x"}),
        ("Dense", {"name": "late"}),
        ("ReLU", {"name": "r"}),
        ("Dense", {"name": "a"}),
    ]
    path = archive(tmp_path / "net.keras", groups, layers)
    own = ["relu", {"kind": "dense", "units": 4}, {"kind": "dense", "units": 4}]
    np.testing.assert_array_equal(keras.weights(path, own, (4,))["dense/W"], first)
    swapped = keras.weights(path, own, (4,), names={"dense": "a"})
    np.testing.assert_array_equal(swapped["dense/W"], second)
    np.testing.assert_array_equal(swapped["dense_2/W"], first)
