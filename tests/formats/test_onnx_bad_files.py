"""Bad ONNX files and calls: one sentence says what is wrong, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from spark_deepnet.errors import DeepNetError, FormatError
from spark_deepnet.formats import caffe
from spark_deepnet.formats.onnx.read import read
from tests.formats.onnx_files import graph, node

X = {"x": ["n", 3]}
W = {"W": np.ones((3, 2), np.float32)}
GEMM = [node("Gemm", "x W", "y", "fc")]
LSTM = {"W": np.ones((1, 8, 3)), "R": np.ones((1, 8, 2)), "h": np.ones((1, 1, 2))}
LSTM = {name: array.astype(np.float32) for name, array in LSTM.items()}


def changed(change: Callable[[Any], Any]) -> Any:
    """The model of one product, changed."""
    model = graph(GEMM, X, ["y"], W)
    change(model)
    return model


def external(model: Any, location: str, **entries: int) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))


def huge(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [10**6, 10**6]


def many(model: Any) -> None:
    for k in range(20_001):
        model.graph.node.add(op_type="Relu", input=["x"], output=[f"v{k}"])


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "empty": (b"", {}, "expected ONNX, found a file that is empty"),
    "HTML": (b"<!DOCTYPE html><html>", {}, "found a file that is HTML"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\n", {}, "a git-lfs pointer"),
    "pickle": (b"\x80\x04\x95abc", {}, "a pickle, which could run any code"),
    "prototxt": (b'layer { name: "data" }\n', {}, "a text, perhaps the prototxt of a Caffe net"),
    "caffemodel": (b"\x0a\x04test\xa2\x06\x06\x0a\x04data", {}, "expected ONNX, found a file"),
    "truncated": (graph(GEMM, X, ["y"], W).SerializeToString()[:-30], {}, "damaged, cut off or of another format"),
    "no graph": (b"\x08\x08\x12\x04test", {}, "a file without a graph"),
    "not there": (None, {}, "cannot be read: No such file"),
    "huge": (
        changed(huge),
        {},
        r"tensor 'W' of shape \(1000000, 1000000\) needs 1000000000000 numbers, raw_data has 6",
    ),
    "20,001 nodes": (changed(many), {}, "the graph has 20002 nodes; the limit is 20000"),
    "data outside": (changed(lambda m: external(m, "../w.bin")), {}, r"'\.\./w\.bin' leaves the folder of the file"),
    "data at a root": (
        changed(lambda m: external(m, "/etc/passwd")),
        {},
        "'/etc/passwd' leaves the folder of the file",
    ),
    "data missing": (changed(lambda m: external(m, "w.bin")), {}, r"'w\.bin' is missing; put it beside the file"),
    "data short": (
        changed(lambda m: external(m, "short.bin")),
        {},
        r"needs 24 bytes, found 24 from 0 on in short\.bin of 3",
    ),
    "If": (
        graph([node("If", "x", "y", "branch")], X, ["y"]),
        {},
        "node 'branch' .If, version 16.: the operator is not",
    ),
    "domain": (
        graph([node("Fused", "x", "y", "f", domain="com.acme")], X, ["y"]),
        {},
        "of the domain 'com.acme' are not read",
    ),
    "unknown": (graph([node("Rellu", "x", "y", "r")], X, ["y"]), {}, "the opset 17 of the file has no such operator"),
    "no operator": (
        graph([node("Det", "x", "y", "d")], X, ["y"]),
        {},
        "node 'd' .Det, version 11.: the operator is not read; ",
    ),
    "quantised": (
        graph([node("QLinearMatMul", "x x x x x x x x", "y", "q")], X, ["y"]),
        {},
        "quantised models are not read",
    ),
    "newer opset": (
        graph(GEMM, X, ["y"], W, opset=999),
        {},
        "uses opset 999; the package onnx that is installed knows",
    ),
    "size that nothing fixes": (
        graph(GEMM, {"x": ["n", "k"]}, ["y"], W),
        {},
        r"rows of \(\?\): nothing fixes their sizes",
    ),
    "other size": (
        graph(GEMM, X, ["y"], W),
        {"input_shape": (4,)},
        r"rows of \(3\) in the file's order, inputShape says \(4,\)",
    ),
    "weight as input": (
        graph(GEMM, X | {"W": [3, 2]}, ["y"]),
        {},
        r"input 2 \(B\) is computed by the graph.*constants=",
    ),
    "no such input": (graph(GEMM, X, ["y"], W), {"constants": {"h": 1}}, "constants: the graph has no input 'h'"),
    "no such output": (
        graph(GEMM, X, ["y"], W),
        {"outputs": ["z"]},
        "outputs: the graph has no value 'z'; known are fc, y",
    ),
    "outputs of one text": (graph(GEMM, X, ["y"], W), {"outputs": "y"}, "outputs must be a list of names"),
    "constant output": (graph([*GEMM, node("Shape", "W", "s")], X, ["y", "s"], W), {}, "the output 's' is a constant"),
    "nobody makes": (
        graph([node("Relu", "a", "y", "r")], X, ["y"]),
        {},
        "node 'r' reads 'a', which no earlier node makes",
    ),
    "made twice": (graph([*GEMM, *GEMM], X, ["y"], W), {}, "the value 'y' is made twice"),
    "matrix": (
        graph(GEMM, {"x": ["n", 4]}, ["y"], W),
        {},
        r"matrix has the shape \(3, 2\), which does not fit its input \(N, 4\)",
    ),
    "steps on rows": (
        graph([node("LSTM", "x W R", "y", "rnn", hidden_size=2)], {"x": ["n", 4, 3]}, ["y"], LSTM),
        {},
        r"node 'rnn' .LSTM, version 14.: its input is \(N, 4, 3\), with rows \(N\) first",
    ),
    "a state": (
        graph(
            [node("Transpose", "x", "t", perm=[1, 0, 2]), node("LSTM", "t W R - - h h", "y", "rnn", hidden_size=2)],
            {"x": ["n", 4, 3]},
            ["y"],
            LSTM,
        ),
        {},
        "its initial_h is computed or not zero",
    ),
    "rows reduced": (
        graph([node("ReduceMean", "x", "y", axes=[0])], X, ["y"]),
        {},
        r"axis 0 of \(N, 3\) is that of rows",
    ),
    "rows reshaped": (
        graph([node("Reshape", "x to", "y")], X, ["y"], {"to": np.array([3, -1])}),
        {},
        "changes the axis of rows",
    ),
    "attribute": (
        graph([node("Softplus", "x", "y", "s", beta=2.0)], X, ["y"]),
        {},
        "the attribute beta = 2.0 is not supported",
    ),
    "too large": (
        graph([node("ConstantOfShape", "n", "c"), node("Add", "x c", "y")], X, ["y"], {"n": np.array([10**6, 10**6])}),
        {},
        r"a constant of shape \(1000000, 1000000\) is not computed; the limit is",
    ),
    "rows as a number": (
        graph(
            [node("Shape", "x", "s"), node("Cast", "s", "f", to=1), node("Div", "x f", "y", "d")],
            {"x": ["n", 2]},
            ["y"],
        ),
        {},
        "node 'd' .Div, version 14.: its input 2 .* depends on the number of rows",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_sentence(name: str, tmp_path: Path) -> None:
    model, options, sentence = BAD[name]
    path = tmp_path / "net.onnx"
    (tmp_path / "short.bin").write_bytes(b"abc")
    if model is not None:
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(DeepNetError, match=sentence) as error:
        read(path, **options)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path)) or "must be" in str(error.value)


def test_external_data_beside_the_file_are_read(tmp_path: Path) -> None:
    W = np.arange(6, dtype=np.float32).reshape(3, 2)
    (tmp_path / "w.bin").write_bytes(b"....." + W.tobytes())
    path = tmp_path / "net.onnx"
    path.write_bytes(changed(lambda m: external(m, "w.bin", offset=5, length=24)).SerializeToString())
    np.testing.assert_array_equal(read(path).weights["fc/W"], W)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(24))
    (inside / "w.bin").symlink_to(tmp_path / "w.bin")
    (inside / "net.onnx").write_bytes(changed(lambda m: external(m, "w.bin")).SerializeToString())
    with pytest.raises(FormatError, match="leaves the folder"):
        read(inside / "net.onnx")


def test_onnx_given_as_caffe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(graph(GEMM, X, ["y"], W).SerializeToString())
    with pytest.raises(FormatError, match="found a file that is ONNX"):
        caffe.read(path)
