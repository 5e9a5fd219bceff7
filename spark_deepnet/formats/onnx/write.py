"""Writes ONNX files, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, SaveError
from spark_deepnet.formats.arguments import path_of
from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.net.net import Net

EXTERNAL_BYTES = 1_500_000_000
"""Weights of more bytes lie in a file of their own beside the graph: a message of protobuf has less than 2 GiB."""


def write(path: str | os.PathLike[str], net: Net, weights: np.ndarray, **options: Any) -> None:
    """Write a network and its flat vector of weights as an ONNX file; the options are those of ``model_of``. The file is
    checked before it takes its name, and replaces one that is there. Weights of more than 1.5 GB lie beside it in ``path +
    ".data"``.

    FormatError for a layer that has no writer, and for a folder that is not there; SaveError where it cannot be written."""
    target = Path(path_of(path, "toOnnx: the file"))
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise FormatError(f"toOnnx: {str(target)!r} must be the path of a file in a folder that exists")
    model = model_of(net, weights, **options)
    try:
        save(target, model)
    except OSError as error:
        raise SaveError(f"toOnnx: {str(target)!r} cannot be written: {error.strerror or error}") from None


def save(target: Path, model: Any) -> None:
    """Write and check a model in a folder beside its target, then move it there."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as folder:
        made, data = Path(folder) / target.name, f"{target.name}.data"
        external = sum(len(array.raw_data) for array in model.graph.initializer) > EXTERNAL_BYTES
        options: dict[str, Any] = {"save_as_external_data": True, "location": data} if external else {}
        onnx().save_model(model, str(made), **options)
        onnx("checker").check_model(str(made), full_check=True)
        if external:
            os.replace(made.with_name(data), target.with_name(data))
        os.replace(made, target)
