"""A .safetensors file as arrays: the header is checked by the safetensors package, whose format has no code in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.groups import StoredArray
from spark_deepnet.formats.sniff import head_of, is_safetensors, kind_of

SAVE = "safetensors.torch.save_file(model.state_dict(), 'net.safetensors')"
FLOATS = ("F64", "F32", "F16")
COUNTERS = ("I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL")
PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")


@contextmanager
def stored_arrays(path: str) -> Iterator[dict[str, StoredArray]]:
    """Name -> array of a file that is open until the end. Whole numbers, which are counters, are left out."""
    _check_kind(path)
    try:
        import safetensors
    except ImportError:
        raise FormatError(
            "safetensors files are read with the package safetensors, which is not installed: "
            'pip install "spark_deepnet[safetensors]"'
        ) from None
    try:
        opened = safetensors.safe_open(path, framework="np")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{path}: the safetensors file is damaged, or was cut off: {error}") from None
    with opened as file:
        slices = {name: file.get_slice(name) for name in list(file.keys())}
        floats = {name: each for name, each in slices.items() if each.get_dtype() not in COUNTERS}
        yield {
            name: StoredArray(tuple(each.get_shape()), partial(_read, path, file, name, each.get_dtype()))
            for name, each in floats.items()
        }


def _read(path: str, file: Any, name: str, kind: str) -> np.ndarray:
    if kind == "BF16":
        return _bfloat16(path, name)
    if kind in FLOATS:
        return np.asarray(file.get_tensor(name), np.float32)
    raise FormatError(f"{path}: {name!r} has numbers of the type {kind}; read are {', '.join([*FLOATS, 'BF16'])}")


def _bfloat16(path: str, name: str) -> np.ndarray:
    """NumPy has no such type, so that the package does not read it: the upper halves of float32. The header has been checked
    against the file's size."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(size))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + size + begin)
        halves = np.frombuffer(file.read(end - begin), "<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


def _check_kind(path: str) -> None:
    """Refuse what is no safetensors file; a pickle is not opened."""
    head = head_of(path)
    if is_safetensors(head):
        return
    kind = kind_of(head)
    if path.lower().endswith(PICKLES) or head.startswith((b"PK", b"\x80")):
        raise FormatError(
            f"{path}: PyTorch's pickles (.pt, .pth, .bin, .pkl) are not read, because they could run any code; load the "
            f"model in PyTorch and save it by {SAVE}"
        )
    if head.lstrip().startswith(b"{"):
        kind = "JSON, perhaps the index of several parts; give the .safetensors files of the parts, or save it as one"
    if head.startswith(b"\x89HDF"):
        kind = "HDF5; formats.keras.weights reads those of Keras"
    raise FormatError(f"{path}: expected a safetensors file, found a file that is {kind or 'something else'}")
