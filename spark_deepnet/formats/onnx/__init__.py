"""ONNX: graphs as layers and weights of this package, and networks of this package as graphs."""

from spark_deepnet.formats.onnx.read import read

__all__ = ["read"]
