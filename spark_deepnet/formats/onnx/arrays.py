"""Arrays of ONNX files. Their sizes are checked against the bytes present before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.package import onnx

EXTERNAL = 1
_FIELDS = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
"""Type -> the field of its numbers; other types have int32_data."""
SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Type of numbers that are read -> bytes of one."""
MAX_AXES = 32


@dataclass(frozen=True)
class Arrays:
    """Reads the arrays of one file."""

    file: Path

    def array(self, tensor: Any) -> np.ndarray:
        """A TensorProto as an array; FormatError if its shape does not fit its bytes."""
        name, shape = tensor.name[:80], tuple(tensor.dims)
        if tensor.data_type not in SIZES:
            kinds = onnx().TensorProto.DataType
            known = tensor.data_type in kinds.values()
            kind = kinds.Name(tensor.data_type) if known else f"number {tensor.data_type}"
            raise FormatError(
                f"{self.file}: tensor {name!r} has the type {kind}, which is not read; expected plain numbers"
            )
        if len(shape) > MAX_AXES or min(shape, default=0) < 0:
            raise FormatError(f"{self.file}: tensor {name!r} has the shape {str(shape)[:200]}, which is none")
        if tensor.data_location == EXTERNAL:
            return self._external(tensor, name, shape)
        self._check(tensor, name, shape)
        try:
            return np.asarray(onnx("numpy_helper").to_array(tensor))
        except (ValueError, TypeError, OverflowError) as error:
            raise FormatError(f"{self.file}: tensor {name!r} cannot be read: {error}") from None

    def _check(self, tensor: Any, name: str, shape: tuple[int, ...]) -> None:
        if tensor.HasField("raw_data"):
            have, what = len(tensor.raw_data) / SIZES[tensor.data_type], "raw_data"
        else:
            what = _FIELDS.get(tensor.data_type, "int32_data")
            have = len(getattr(tensor, what))
        if have != prod(shape):
            raise FormatError(
                f"{self.file}: tensor {name!r} of shape {shape} needs {prod(shape)} numbers, {what} has {have:g}"
            )

    def _external(self, tensor: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The numbers of a file beside this one."""
        entries = {each.key: each.value for each in tensor.external_data}
        path = self._beside(entries.get("location", ""), name)
        count = prod(shape) * SIZES[tensor.data_type]
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", count))
        except ValueError:
            raise FormatError(f"{self.file}: tensor {name!r}: offset and length must be numbers") from None
        present = path.stat().st_size
        if offset < 0 or length != count or offset + length > present:
            raise FormatError(
                f"{self.file}: tensor {name!r} of shape {shape} needs {count} bytes, found {length} from {offset} on in "
                f"{path.name} of {present} bytes"
            )
        with path.open("rb") as data:
            data.seek(offset)
            raw = data.read(length)
        whole = onnx().TensorProto(data_type=tensor.data_type, dims=shape, raw_data=raw)
        return np.asarray(onnx("numpy_helper").to_array(whole))

    def _beside(self, location: str, name: str) -> Path:
        """The path of external data, which must be in the file's folder."""
        folder = self.file.parent.resolve()
        where = f"{self.file}: tensor {name!r}: its external data {location[:200]!r}"
        if not location or "\0" in location:
            raise FormatError(f"{where} has no usable location")
        path = (folder / location).resolve()
        if not path.is_relative_to(folder) or Path(location).is_absolute():
            raise FormatError(f"{where} leaves the folder of the file; put it beside the file")
        if not path.is_file():
            raise FormatError(f"{where} is missing; put it beside the file")
        return path
