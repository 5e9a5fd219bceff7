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


def sealed(told: dict[str, Any]) -> str:
    """The line of metadata, with its checksum."""
    return json.dumps(told | {CHECKSUM_KEY: _digest(told)})


def unsealed(line: str, number: int) -> dict[str, Any]:
    """The metadata of this checkpoint's line; CheckpointError if the line is damaged, ParamError if it has another
    format."""
    try:
        told = json.loads(line)
        form = told.get("format") if isinstance(told, dict) else None
        seal = told.pop(CHECKSUM_KEY, None) if isinstance(told, dict) else None
        whole = isinstance(told, dict) and seal == _digest(told)
    except (ValueError, RecursionError):
        raise CheckpointError("its metadata is no JSON") from None
    if type(form) is int and form != FORMAT and (whole or (form == 1 and seal is None and "chunks" in told)):
        raise ParamError(f"format {form}, but this installation reads {FORMAT}")
    if not whole:
        raise CheckpointError("its metadata does not agree with its checksum")
    if form != FORMAT or not all(type(told.get(name)) is kind for name, kind in _FIELD_TYPES.items()):
        raise CheckpointError("its metadata has not the fields of a checkpoint")
    if told["number"] != number or told["epoch"] < 0 or told["chunks"] < 1:
        raise CheckpointError("its metadata is of another checkpoint")
    return dict(told)


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
