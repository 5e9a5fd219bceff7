"""ONNX files that others wrote, where shared data are present."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import load

from spark_deepnet.errors import FormatError
from spark_deepnet.formats import caffe, onnx
from tests.formats.caffe_files import count_permutes
from tests.formats.caffe_files import scores as caffe_scores
from tests.formats.onnx_files import computed, scores
from tests.shared_data import DATA

MODELS = DATA / "models"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"{MODELS} is absent: real ONNX files are not read")
OUTPUTS = ["scores", "boxes"]


def oracle(name: str) -> dict[str, np.ndarray]:
    with np.load(MODELS / "oracle" / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", ["slim-320", "RFB-320"])
def test_a_detector_scores_as_its_oracle_and_as_its_caffe_file(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(1, 3, 240, 320)).astype(np.float32)
    foreign, expected = onnx.read(MODELS / f"onnx/{name}.onnx"), oracle(f"{name}_onnxruntime")
    found = dict(zip(OUTPUTS, scores(foreign, {"input": x}, OUTPUTS), strict=True))
    assert count_permutes(foreign.net()) == 0
    plain = onnx.read(MODELS / f"onnx/{name}.onnx", rewrites=False)
    for key, y in zip(OUTPUTS, scores(plain, {"input": x}, OUTPUTS), strict=True):
        np.testing.assert_allclose(found[key], expected[key], atol=1e-4)
        np.testing.assert_allclose(y, found[key], atol=1e-6)
    files = (MODELS / f"caffe/{name}{end}" for end in (".prototxt", ".caffemodel"))
    twin = caffe.read(*files, outputs=OUTPUTS)
    for key, y in caffe_scores(twin, **{next(iter(twin.inputs)): x}).items():
        np.testing.assert_allclose(found[key].reshape(-1), y.reshape(-1), atol=1e-4)


def test_pitch_detection_is_read_up_to_its_division_without_nan() -> None:
    """An operator that is not read is named; what comes before it scores as onnxruntime."""
    path = MODELS / "onnx/nmp.onnx"
    with pytest.raises(
        FormatError, match=r"node 'model_1/normalized_log_1/.* \(Equal, version 13\): the operator is not"
    ):
        onnx.read(path)
    model = load(str(path))
    name = next(node.input[0] for node in model.graph.node if node.op_type == "ReduceMax")
    (first,) = model.graph.input
    x = (np.random.default_rng(0).normal(size=(2, 43844, 1)) * 0.1).astype(np.float32)
    del model.graph.output[:]
    model.graph.output.add(name=name)
    (expected,) = computed(model, {first.name: x})
    (y,) = scores(onnx.read(path, outputs=[name]), {first.name: x}, [name])
    np.testing.assert_allclose(y, expected, atol=1e-3 * float(np.abs(expected).max()))
    assert np.mean(np.abs(y - expected)) < 1e-4 * np.mean(np.abs(expected))  # decibels, a difference of logarithms
