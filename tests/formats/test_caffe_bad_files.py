"""What cannot be read is refused in one sentence, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spark_deepnet.errors import DeepNetError, FormatError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.caffe import messages
from spark_deepnet.formats.caffe.messages import message
from tests.cases.caffe_bad_files import CONV, FILES, GOOD, INPUT, NETS, BadFile
from tests.formats.caffe_files import input_text, layer_text, scores, written


@pytest.mark.parametrize("case", [*NETS, *FILES], ids=lambda case: case.name)
def test_it_is_refused_in_a_sentence(case: BadFile, tmp_path: Path) -> None:
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_bytes(case.net.encode() if isinstance(case.net, str) else case.net)
    weights.write_bytes(case.weights)
    if case.files is not None:
        case.files(tmp_path)
    with pytest.raises(DeepNetError, match=case.says) as error:
        caffe.read(net, weights, **case.options)
    assert isinstance(error.value, FormatError) or case.options
    text = str(error.value)
    assert len(text) < 2000
    assert "Traceback" not in text


def test_the_file_of_the_rows_is_read(tmp_path: Path) -> None:
    """The tables' errors are not those of the files that they change."""
    (tmp_path / "net.prototxt").write_text(INPUT + CONV)
    (tmp_path / "net.caffemodel").write_bytes(GOOD)
    found = caffe.read(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    assert {name: array.shape for name, array in found.weights.items()} == {"y/W": (3, 3, 3, 4), "y/b": (4,)}


def test_a_tail_that_is_not_needed_is_not_looked_at(tmp_path: Path) -> None:
    tail = layer_text("PriorBox", "prior_box_param { min_size: 3 }", "y", "boxes")
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(INPUT + CONV + tail)
    weights.write_bytes(GOOD)
    assert caffe.read(net, weights, outputs=["y"]).net().shape == (6, 6, 4)
    with pytest.raises(FormatError, match=r"line 3, column \d+: LayerParameter has no field 'prior_box_param'"):
        caffe.read(net, weights)


def test_skipped_layers_keep_their_own_weights(tmp_path: Path) -> None:
    text = INPUT + CONV + layer_text("InnerProduct", "inner_product_param { num_output: 2 }", "y", "z")
    arrays = {"y": [np.ones((4, 3, 3, 3)), np.ones(4)], "z": [np.ones((9, 9)), np.ones(9)]}
    net, weights = written(tmp_path, text, arrays)
    with pytest.raises(FormatError, match=r"'z' \(InnerProduct\) needs \(2, 144\) and \(2,\), the file has \(9, 9\)"):
        caffe.read(net, weights)
    assert set(caffe.read(net, weights, skip=("z",)).weights) == {"y/W", "y/b"}


@pytest.mark.parametrize("kind", ["double", "half", "four sizes", "split"])
def test_numbers_of_all_kinds_are_read(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(4, 3, 3, 3)).astype(np.float16), rng.normal(size=4).astype(np.float16)
    model = message("NetParameter" if kind in ("double", "four sizes") else "Weights")
    layer = model.layer.add()
    layer.name = "y"
    for array in (W, b):
        _fill(layer.blobs.add(), array, kind)
    net, weights = written(tmp_path, INPUT + CONV)
    weights.write_bytes(model.SerializeToString())
    found = caffe.read(net, weights).weights
    np.testing.assert_array_equal(found["y/W"], W.transpose(2, 3, 1, 0).astype(np.float32))
    np.testing.assert_array_equal(found["y/b"], b.astype(np.float32))


def _fill(blob: object, array: np.ndarray, kind: str) -> None:
    flat = array.reshape(-1)
    if kind == "four sizes":
        sizes = (1,) * (4 - array.ndim) + array.shape
        blob.num, blob.channels, blob.height, blob.width = sizes  # type: ignore[attr-defined]
        blob.data.extend(flat.tolist())  # type: ignore[attr-defined]
        return
    blob.shape.dim.extend(array.shape)  # type: ignore[attr-defined]
    if kind == "double":
        blob.double_data.extend(flat.tolist())  # type: ignore[attr-defined]
    elif kind == "half":
        blob.raw_data_type, blob.raw_data = 2, flat.astype("<f2").tobytes()  # type: ignore[attr-defined]
    else:  # packed numbers may come in several parts
        data = flat.astype("<f4").tobytes()
        blob.data.extend([data[:8], data[8:]])  # type: ignore[attr-defined]


def test_shapes_are_compared_with_the_bytes_before_anything_is_allocated(tmp_path: Path) -> None:
    model = message("NetParameter")
    layer = model.layer.add()
    layer.name = "y"
    layer.blobs.add().shape.dim.extend([10**6, 10**6])
    net, weights = written(tmp_path, INPUT + CONV)
    weights.write_bytes(model.SerializeToString())
    with pytest.raises(
        FormatError, match=r"blob 0: its shape \(1000000, 1000000\) has 1000000000000 numbers, .* has 0"
    ):
        caffe.read(net, weights)


def test_without_protobuf_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    messages._classes.cache_clear()
    with pytest.raises(FormatError, match=r'pip install "spark_deepnet\[caffe\]"'):
        caffe.read(tmp_path / "net.prototxt")
    messages._classes.cache_clear()


def test_outputs_in_the_middle_of_a_net(tmp_path: Path) -> None:
    text = input_text((1, 3, 8, 8)) + CONV + layer_text("ReLU", "", "y", "y", "relu") + layer_text("TanH", "", "y", "z")
    net, weights = written(tmp_path, text, {"y": [np.ones((4, 3, 3, 3)), -np.ones(4)]})
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    both = scores(caffe.read(net, weights, outputs=["y", "z"]), data=x)
    np.testing.assert_allclose(np.tanh(both["y"]), both["z"], atol=1e-6)
    assert both["y"].min() == 0
