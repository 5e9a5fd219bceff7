"""What a stranger gives to a reader in place of a path, a list of names, a shape or a mapping: one sentence says what it
must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import DeepNetError, FormatError
from spark_deepnet.formats import caffe, keras, torch
from spark_deepnet.formats.caffe.training import read_training
from spark_deepnet.formats.given import given_network
from spark_deepnet.formats.onnx.read import read as read_onnx
from spark_deepnet.formats.onnx.write import write as write_onnx
from spark_deepnet.layers.dense import Dense
from spark_deepnet.net.net import INPUT, Net
from tests.cases.caffe_bad_files import CONV, GOOD
from tests.cases.caffe_bad_files import INPUT as CAFFE_INPUT
from tests.formats.onnx_files import graph, node
from tests.formats.weight_files import safetensors, weights_h5

W, B = np.arange(12, dtype=np.float32).reshape(4, 3), np.ones(3, np.float32)
DENSE: dict[str, Any] = {"layers": [Dense(3)], "input_shape": (4,)}
PATHS = (None, 3, b"net", "", ["net"])
NAMES = ("y", 3, [1], [None])
SHAPES = (3, "8,8", (8.0, 8, 3), (-1, 8, 3), (), [True], {"data": 3})
MAPPINGS = ("x", ["x"], [("x", 1)], {1: "x"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    (folder / "net.prototxt").write_text(CAFFE_INPUT + CONV)
    (folder / "net.caffemodel").write_bytes(GOOD)
    gemm = graph([node("Gemm", "x W", "y", "fc")], {"x": ["n", 4]}, ["y"], {"W": W})
    (folder / "net.onnx").write_bytes(gemm.SerializeToString())
    weights_h5(folder / "a.weights.h5", {"layers/dense": [W, B]})
    safetensors(folder / "a.safetensors", {"fc.weight": W.T, "fc.bias": B})
    return folder


READERS: dict[str, Callable[..., Any]] = {
    "caffe": lambda folder, **o: caffe.read(
        **{"net": folder / "net.prototxt", "weights": folder / "net.caffemodel"} | o
    ),
    "solver": lambda folder, **o: read_training(**{"net": folder / "net.prototxt"} | o),
    "onnx": lambda folder, **o: read_onnx(**{"path": folder / "net.onnx"} | o),
    "keras": lambda folder, **o: keras.weights(**{"path": folder / "a.weights.h5"} | DENSE | o),
    "torch": lambda folder, **o: torch.weights(**{"path": folder / "a.safetensors"} | DENSE | o),
    "layers": lambda folder, **o: given_network(**{"arrays": {"dense/W": W, "dense/b": B}} | DENSE | o),
    "toOnnx": lambda folder, **o: write_onnx(**{"path": folder / "out.onnx", "net": NET, "weights": FLAT} | o),
}
NET = Net.of([Dense(3)], {INPUT: (4,)})
FLAT = NET.layout.zeros()
"""Reader -> a call of it with good arguments, of which some are changed."""
TABLE: list[tuple[str, str, tuple[Any, ...], str]] = [
    ("caffe", "net", PATHS, "must be given by its path, found"),
    ("caffe", "weights", PATHS[1:], "must be given by its path, found"),
    ("caffe", "outputs", NAMES, "outputs must be a list of names, found"),
    ("caffe", "skip", NAMES, "skip must be a list of names, found"),
    ("caffe", "stages", NAMES, "stages must be a list of names, found"),
    ("caffe", "input_shape", SHAPES, "inputShape: the shape of a row is a tuple of ints"),
    ("caffe", "mean", (5, "", {}, ["a"], [[1]], []), "mean (must be a path|image must be given by its path)"),
    ("caffe", "mean", ([1, 2, np.nan],), "layer 'data' .*mean must be a tuple of finite numbers"),
    ("caffe", "scale", ("a", None, np.nan, [1]), "scale must be a finite number"),
    ("caffe", "channel_order", (None, "BGR", ["bgr"]), "channelOrder must be 'bgr' or 'rgb'"),
    ("caffe", "phase", (None, "tst"), "phase must be 'train' or 'test'"),
    ("solver", "solver", PATHS[1:], "must be given by its path, found"),
    ("onnx", "path", PATHS, "must be given by its path, found"),
    ("onnx", "outputs", NAMES, "outputs must be a list of names, found"),
    ("onnx", "input_shape", (*SHAPES[:-1], {"x": 3}), "inputShape: the shape of a row of 'x' is a tuple of ints"),
    ("onnx", "input_shape", ({"z": (3,)},), "inputShape: there is no input 'z'"),
    ("onnx", "constants", MAPPINGS, "constants must be a mapping"),
    ("onnx", "constants", ({"x": [[1], [2, 3]]},), "constants must be arrays of numbers"),
    *(
        row
        for reader in ("keras", "torch")
        for row in (
            (reader, "path", PATHS, "must be given by its path, found"),
            (reader, "layers", (None, [], ()), "give at least one layer"),
            (reader, "layers", ("dense", 3, [4, 3], [object()]), "layers: (expected|there is no)"),
            (reader, "input_shape", SHAPES[:-1], "inputShape: the shape of a row of 'features' is a tuple of ints"),
            (reader, "input_shape", (None, {"x": (4,)}), "inputShape: give the shape of a row of 'features'"),
            (reader, "skip", NAMES, "skip must be a list of names, found"),
            (reader, "names", MAPPINGS, "names must be a mapping from the layers' names"),
            (reader, "names", ({"dense": 1}, {"dense": ["fc"]}), "names: the file has no"),
        )
    ),
    ("layers", "arrays", MAPPINGS, "weights must be a mapping"),
    ("layers", "arrays", ({"dense/W": "a"}, {"dense/W": W.T}), "weights: the arrays are not those of the layers"),
    ("layers", "loss", (3, "mses"), "losses: (expected|there is no)"),
    ("toOnnx", "path", PATHS, "must be given by its path, found"),
    ("toOnnx", "path", ("/no/such/folder/net.onnx", "/"), "must be the path of a file in a folder that exists"),
    ("toOnnx", "path", ("/proc/net.onnx",), "'/proc/net.onnx' cannot be written"),
    ("toOnnx", "opset", (16, "17", None), "opset must be 17, found"),
    ("toOnnx", "values", (["dens"], {"y": "dens"}), "there is no layer 'dens'; did you mean 'dense'"),
]
MISTAKES = [(*row[:2], value, row[3]) for row in TABLE for value in row[2]]


@pytest.mark.parametrize(
    ("reader", "argument", "value", "says"), MISTAKES, ids=[f"{r}, {a}={v!r}"[:60] for r, a, v, _ in MISTAKES]
)
def test_it_is_said_what_an_argument_must_be(reader: str, argument: str, value: Any, says: str, folder: Path) -> None:
    with pytest.raises(DeepNetError, match=says) as error:
        READERS[reader](folder, **{argument: value})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("reader", [name for name in READERS if name != "solver"])
def test_good_arguments_are_read(reader: str, folder: Path) -> None:
    """The table's errors are not those of the arguments that it changes; NumPy's ints are sizes too."""
    READERS[reader](folder)
    if reader in ("keras", "torch", "layers", "onnx"):
        READERS[reader](folder, input_shape=[np.int64(4)])


FILES = ("net.prototxt", "net.caffemodel", "net.onnx", "a.weights.h5", "a.safetensors")
TAKES = {
    ("caffe", "net"): "net.prototxt",
    ("caffe", "weights"): "net.caffemodel",
    ("caffe", "mean"): None,
    ("solver", "solver"): None,
    ("onnx", "path"): "net.onnx",
    ("keras", "path"): "a.weights.h5",
    ("torch", "path"): "a.safetensors",
}
"""Reader and argument -> the file that is right."""


WRONG = [(*place, name) for place, right in TAKES.items() for name in FILES if name != right]


@pytest.mark.parametrize(("reader", "argument", "name"), WRONG, ids=[" ".join(row) for row in WRONG])
def test_a_file_of_another_kind_is_refused(reader: str, argument: str, name: str, folder: Path) -> None:
    with pytest.raises(FormatError) as error:
        READERS[reader](folder, **{argument: folder / name})
    assert str(error.value).startswith(str(folder / name))
    assert "\n" not in str(error.value)
