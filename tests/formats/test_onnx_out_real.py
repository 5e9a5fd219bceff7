"""Nets that Caffe wrote, as ONNX: onnxruntime computes what they compute here, where shared data are present."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.formats import caffe
from spark_deepnet.formats.onnx.export import model_of
from tests.formats.onnx_runs import close, operators, run, scored, session
from tests.shared_data import DATA

MODELS = DATA / "models"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"{MODELS} is absent: real nets are not exported")
NETS: list[tuple[str, str, dict[str, Any], int]] = [
    ("prototxt/examples_mnist_lenet", "lenet", {"scale": 1 / 256}, 2),
    ("caffe/cifar10_quick_train_test", "cifar10_quick", {"mean": MODELS / "caffe/cifar10_mean.binaryproto"}, 2),
    ("caffe/slim-320", "slim-320", {}, 17),
    ("caffe/RFB-320", "RFB-320", {}, 17),
]


@pytest.mark.parametrize(("net", "weights", "options", "transposes"), NETS)
def test_a_net_of_caffe_leaves_as_onnx(net: str, weights: str, options: dict[str, Any], transposes: int) -> None:
    foreign = caffe.read(MODELS / f"{net}.prototxt", MODELS / f"caffe/{weights}.caffemodel", **options)
    made, rng = foreign.net(), np.random.default_rng(0)
    flat = foreign.flat(made)
    model = model_of(made, flat)
    assert list(operators(model)).count("Transpose") == transposes
    x = {name: rng.uniform(0, 255, (2, *shape)).astype(np.float32) for name, shape in made.inputs.items()}
    close(run(session(model), x), scored(made, flat, x))
