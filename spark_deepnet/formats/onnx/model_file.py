"""The model of an ONNX file, or a sentence that says what the file is instead."""

from __future__ import annotations

import os
from typing import Any

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.formats.sniff import MIB, looks_binary, read_file

MAX_BYTES = 2048 * MIB


def read_model(path: str | os.PathLike[str]) -> Any:
    """The ModelProto of a file of at most 2 GiB."""
    package = onnx()
    data = read_file(path, "an ONNX model", MAX_BYTES, "ONNX")
    if not looks_binary(data):
        raise FormatError(f"{path}: expected ONNX, found a text, perhaps the prototxt of a Caffe net")
    model = package.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's own, or UnicodeDecodeError of its slower parser
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise FormatError(
            f"{path}: expected ONNX, found a file that is damaged, cut off or of another format: {why}"
        ) from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise FormatError(f"{path}: expected ONNX, found a file without a graph, perhaps a caffemodel or other weights")
    return model
