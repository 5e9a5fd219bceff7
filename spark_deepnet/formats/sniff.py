"""What a file is by its first bytes, so that a wrong one is named."""

from __future__ import annotations

import os
from pathlib import Path

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.arguments import path_of

MIB = 1 << 20
STATE = "solver state"
"""A count of iterations, with which it begins, looks like ONNX's version."""
_STARTS = (
    (b"version https://git-lfs", "a git-lfs pointer; run git lfs pull to get the file itself"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "a ZIP archive, as PyTorch and Keras save"),
    (b"\x1f\x8b", "compressed by gzip; decompress it first"),
    (b"\x80\x02", "a pickle, which could run any code; save the weights as safetensors"),
    (b"\x80\x03", "a pickle, which could run any code; save the weights as safetensors"),
    (b"\x80\x04", "a pickle, which could run any code; save the weights as safetensors"),
    (b"\x80\x05", "a pickle, which could run any code; save the weights as safetensors"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
)


def kind_of(head: bytes) -> str | None:
    """What a file with these first bytes is, if it is nothing that a reader takes."""
    if not head.strip():
        return "empty"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    text = head.lstrip()[:64].lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "HTML or XML, perhaps a page with an error instead of a download"
    return "safetensors" if is_safetensors(head) else None


def is_onnx(head: bytes) -> bool:
    """ModelProto: ir_version in field 1 as a small number, then a text in field 2 or a graph in field 7."""
    return len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 64 and head[2] in (0x12, 0x3A, 0x42)


def is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 * MIB


def head_of(path: str | os.PathLike[str], right: str = "the file") -> bytes:
    """The first bytes of a file; FormatError if it cannot be read. right: what it is to be."""
    own = path_of(path, right)
    try:
        with open(own, "rb") as file:
            return file.read(256)
    except OSError as error:
        raise FormatError(f"{own}: the file cannot be read: {error.strerror or error}") from None


def read_file(path: str | os.PathLike[str], what: str, limit: int, right: str) -> bytes:
    """The bytes of a file of at most ``limit`` bytes, or a FormatError that says what it is instead of ``right``."""
    file = Path(path_of(path, right))
    try:
        size = file.stat().st_size
        if size > limit:
            raise FormatError(f"{file}: {what} has {size / MIB:.1f} MiB; the limit is {limit // MIB} MiB")
        data = file.read_bytes()
    except OSError as error:
        raise FormatError(f"{file}: {what} cannot be read: {error.strerror or error}") from None
    kind = kind_of(data[:256]) or ("ONNX" if not right.endswith((STATE, "ONNX")) and is_onnx(data) else None)
    if kind is not None:
        raise FormatError(f"{file}: expected {right}, found a file that is {kind}")
    return data


def looks_binary(data: bytes) -> bool:
    """Whether bytes are no text: control characters other than white space."""
    return any(byte < 9 or 13 < byte < 32 for byte in data[:4096])
