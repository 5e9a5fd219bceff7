"""The package onnx, imported when a file is read or written."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spark_deepnet.errors import FormatError


def onnx(module: str = "") -> Any:
    """The package onnx, or one of its modules: ``onnx("checker")``. FormatError if it is not installed."""
    try:
        return import_module(f"onnx.{module}" if module else "onnx")
    except ImportError:
        raise FormatError(
            "ONNX files are read and written with the package onnx, which is not installed: "
            'pip install "spark_deepnet[onnx]"'
        ) from None
