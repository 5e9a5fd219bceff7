"""Each layer type of Caffe against OpenCV's reader, or against a few lines of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe.heads import LOSSES
from spark_deepnet.formats.caffe.registry import layer_types
from tests.cases.caffe_types import CASES, TypeCase
from tests.formats.caffe_files import input_text, random_arrays, scores, written


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_type_computes_what_opencv_computes(case: TypeCase, tmp_path: Path) -> None:
    text = input_text(case.shape) + case.text
    net, _ = written(tmp_path, text)
    arrays = random_arrays(net)
    net, weights = written(tmp_path, text, arrays)
    rng = np.random.default_rng(1)
    shape = (case.shape[1], case.shape[0], *case.shape[2:]) if case.steps_first else case.shape
    x = rng.uniform(0.1, 2, shape) if case.above_zero else rng.normal(size=shape)
    x = rng.integers(0, case.tokens, case.shape) if case.tokens else x.astype(np.float32)
    (found,), (plain,) = (
        scores(caffe.read(net, weights, rewrites=on), as_held=case.steps_first, data=x).values() for on in (True, False)
    )
    np.testing.assert_allclose(plain, found, rtol=0, atol=1e-6 * max(1, np.abs(found).max()))
    if case.reference is not None:
        expected = case.reference(x, *arrays.get("y", ()))
    else:
        expected = by_opencv(net, weights, x)
    np.testing.assert_allclose(found, expected, rtol=case.tolerance, atol=case.tolerance)


def by_opencv(net: Path, weights: Path, x: np.ndarray) -> np.ndarray:
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    reader = cv2.dnn.readNetFromCaffe(str(net), str(weights))
    reader.setInput(x, "data")
    return np.asarray(reader.forward())


def test_every_type_has_a_case() -> None:
    seen = {name for name in layer_types() for case in CASES if f'type: "{name}"' in case.text}
    assert set(layer_types()) - seen == set()
    assert not set(LOSSES) & set(layer_types())
