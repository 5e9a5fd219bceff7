"""The .keras archive: a ZIP file with config.json and model.weights.h5."""

from __future__ import annotations

import zipfile
import zlib

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.sniff import MIB

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
MAX_CONFIG = 64 * MIB
MAX_RATIO = 1100
"""Numbers of bytes that a compressed byte may become."""


def read_archive(path: str) -> tuple[bytes, bytes]:
    """The bytes of the weights and of the config; FormatError if it is no archive of Keras."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if WEIGHTS not in names or CONFIG not in names:
                raise FormatError(f"{path}: {_what(names)}")
            config = _read(path, archive, CONFIG, MAX_CONFIG)
            return _read(path, archive, WEIGHTS, None), config
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: the ZIP archive is damaged, or was cut off: {error}") from None


def _read(path: str, archive: zipfile.ZipFile, name: str, limit: int | None) -> bytes:
    """A member, of which no more is read than it says and its compressed bytes can be."""
    info = archive.getinfo(name)
    most = min(info.file_size, info.compress_size * (1 if info.compress_type == zipfile.ZIP_STORED else MAX_RATIO))
    if info.file_size > most or (limit is not None and info.file_size > limit):
        raise FormatError(
            f"{path}: {name} says that it has {info.file_size} bytes, of at most {min(most, limit or most)}"
        )
    with archive.open(info) as member:
        return member.read(info.file_size)


def _what(names: list[str]) -> str:
    """What an archive without the weights of Keras is."""
    if any(name.endswith("data.pkl") for name in names):
        return (
            "expected a file of Keras, found PyTorch's pickle, which could run any code; save it by "
            "safetensors.torch.save_file(model.state_dict(), 'net.safetensors') and read that with formats.torch.weights"
        )
    shown = ", ".join(names[:5]) or "nothing"
    return f"expected {WEIGHTS} and {CONFIG} in the archive, found {shown}"
