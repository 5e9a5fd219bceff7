"""Reads Caffe's binary files: weights (caffemodel), means (binaryproto) and the arrays of solver states."""

from __future__ import annotations

import os
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.messages import message
from spark_deepnet.formats.sniff import looks_binary, read_file
from spark_deepnet.layers.layer import Shape

BINARY_BYTES = (1 << 31) - 1
MAX_AXES = 32
_RAW = {0: "<f8", 1: "<f4", 2: "<f2"}
"""raw_data_type -> the numbers in raw_data."""


def read_binary(path: str | os.PathLike[str], kind: str, right: str) -> Any:
    """A message from a binary file of at most 2 GiB."""
    empty = message(kind)
    data = read_file(path, "the file", BINARY_BYTES, right)
    try:
        empty.ParseFromString(data)
    except Exception as error:  # DecodeError, whose module depends on protobuf's version
        text = "" if looks_binary(data) else "; it looks like text"
        raise FormatError(f"{path}: expected {right}, but it is damaged or something else ({error}){text}") from None
    return empty


def read_weights(path: str | os.PathLike[str]) -> dict[str, list[np.ndarray]]:
    """Layer -> its arrays, in the shapes of the file."""
    net = read_binary(path, "Weights", "a caffemodel, Caffe's binary file of weights")
    layers = [*net.layers, *net.layer]
    if not layers:
        raise FormatError(f"{path}: expected a caffemodel, found a file without layers; is it another kind of file?")
    arrays: dict[str, list[np.ndarray]] = {}
    for layer in layers:
        if layer.blobs:
            arrays[layer.name] = [
                array_of(blob, f"{path}: layer {layer.name!r}, blob {k}") for k, blob in enumerate(layer.blobs)
            ]
    return arrays


def read_mean(path: str | os.PathLike[str]) -> np.ndarray:
    """A mean image, (channels, height, width)."""
    blob = read_binary(path, "RawBlob", "a binaryproto, Caffe's mean image")
    if not (blob.data or blob.double_data or blob.raw_data):
        raise FormatError(f"{path}: expected a binaryproto, Caffe's mean image, found a file without numbers")
    array = array_of(blob, str(path))
    shape = array.shape[-3:]
    if array.ndim < 3 or prod(array.shape) != prod(shape):
        raise FormatError(f"{path}: expected one image of (channels, height, width), found an array {array.shape}")
    return array.reshape(shape)


def array_of(blob: Any, where: str) -> np.ndarray:
    """A blob's numbers as float32 in its shape, which must be as many as there are bytes for."""
    shape, numbers = shape_of(blob, where), _numbers(blob, where)
    if prod(shape) != numbers.size:
        raise FormatError(f"{where}: its shape {shape} has {prod(shape)} numbers, the file has {numbers.size}")
    return numbers.astype(np.float32).reshape(shape)


def shape_of(blob: Any, where: str) -> Shape:
    """The shape, from ``shape`` or from the four sizes of old files."""
    old = (blob.num, blob.channels, blob.height, blob.width)
    new = blob.HasField("shape") or not any(old)
    shape = tuple(blob.shape.dim) if new else old
    if len(shape) > MAX_AXES or min(shape, default=0) < 0:
        raise FormatError(f"{where}: its shape {shape[:MAX_AXES]} is not that of an array")
    return shape


def _numbers(blob: Any, where: str) -> np.ndarray:
    """The numbers as they lie in the file."""
    if blob.raw_data:
        kind = _RAW.get(blob.raw_data_type)
        if kind is None:
            raise FormatError(f"{where}: numbers of raw_data_type {blob.raw_data_type} are not read; save floats")
        data = blob.raw_data
    elif blob.double_data:
        kind, data = "<f8", b"".join(blob.double_data)
    else:
        kind, data = "<f4", b"".join(blob.data)
    if len(data) % np.dtype(kind).itemsize:
        raise FormatError(f"{where}: {len(data)} bytes are not a whole number of {np.dtype(kind).name}")
    return np.frombuffer(data, kind)
