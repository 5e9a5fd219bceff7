"""A checkpoint's line of metadata: JSON with its own checksum, so that an altered line is detected."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from spark_deepnet.errors import CheckpointError, ParamError

FORMAT = 2
"""Format 1 had no checksums."""
CHECKSUM_KEY = "sha256"
_FIELD_TYPES = {"number": int, "epoch": int, "chunks": int, "rows": str, "rowMemory": int, "fit": dict}


def sealed(metadata: dict[str, Any]) -> str:
    """The line of metadata, with its checksum."""
    return json.dumps(metadata | {CHECKSUM_KEY: _digest(metadata)})


def unsealed(line: str, number: int) -> dict[str, Any]:
    """The metadata of this checkpoint's line; CheckpointError if the line is damaged, ParamError if it has another
    format."""
    try:
        metadata = json.loads(line)
        form = metadata.get("format") if isinstance(metadata, dict) else None
        seal = metadata.pop(CHECKSUM_KEY, None) if isinstance(metadata, dict) else None
        whole = isinstance(metadata, dict) and seal == _digest(metadata)
    except (ValueError, RecursionError):
        raise CheckpointError("its metadata is not JSON") from None
    if type(form) is int and form != FORMAT and (whole or (form == 1 and seal is None and "chunks" in metadata)):
        raise ParamError(f"format {form}, but this installation reads {FORMAT}")
    if not whole:
        raise CheckpointError("its metadata does not agree with its checksum")
    if form != FORMAT or not all(type(metadata.get(name)) is kind for name, kind in _FIELD_TYPES.items()):
        raise CheckpointError("its metadata does not have the fields of a checkpoint")
    if metadata["number"] != number or metadata["epoch"] < 0 or metadata["chunks"] < 1:
        raise CheckpointError("its metadata belongs to another checkpoint")
    return dict(metadata)


def _digest(metadata: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()
