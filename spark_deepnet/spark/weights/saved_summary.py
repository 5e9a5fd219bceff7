"""A training summary in a saved model's metadata: plain numbers and names, checked like all that a file says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from spark_deepnet.errors import ModelFormatError
from spark_deepnet.spark.summary import TrainingSummary

MAX_RANKS_BYTES = 1 << 20
"""Of the measures of ranks; more are left out."""
MAX_SUMMARY_BYTES = 8 << 20
"""Of the rest; a longer summary is left out."""
_log = logging.getLogger(__name__)


def summary_json(summary: TrainingSummary | None) -> dict[str, Any] | None:
    """The summary as JSON values; None where there is none to save."""
    if summary is None:
        return None
    values = asdict(summary)
    if len(json.dumps(values["ranks"])) > MAX_RANKS_BYTES:
        values["ranks"] = []
    if len(json.dumps(values)) > MAX_SUMMARY_BYTES + MAX_RANKS_BYTES:
        _log.warning("save: the training summary, of %d epochs, is too long to be saved", len(summary.history))
        return None
    return values


def summary_of(values: Any) -> TrainingSummary | None:
    """The summary of a file's values; ModelFormatError where they are none. Fields of later versions are left out."""
    if values is None:
        return None
    if not isinstance(values, dict):
        raise _damaged("it", values)
    known = {name: values[name] for name in _CHECKS if name in values}
    for name, value in known.items():
        if not _CHECKS[name](value):
            raise _damaged(name, value)
    if missing := _CHECKS.keys() - _OPTIONAL - known.keys():
        raise _damaged(min(missing), None)
    return TrainingSummary(**known | {"initialWeights": tuple(known.get("initialWeights", ()))})


def _damaged(name: str, value: Any) -> ModelFormatError:
    return ModelFormatError(
        f"load: the model's training summary is damaged: {name} cannot be {str(value)[:40]!r}; remove it from the metadata"
    )


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _measures(value: Any) -> bool:
    """A row an epoch."""
    return isinstance(value, list) and all(
        isinstance(row, dict) and _number(row.get("loss")) and all(map(_number, row.values())) for row in value
    )


def _ranks(value: Any) -> bool:
    """A row a rank and job."""
    return isinstance(value, list) and all(isinstance(row, dict) and _is_rank(row) for row in value)


def _is_rank(row: dict[str, Any]) -> bool:
    seconds = row.get("seconds")
    return (
        all(_count(row.get(name)) for name in ("job", "rank", "bytesSent", "ownRows", "spilledBytes"))
        and isinstance(seconds, dict)
        and all(map(_number, seconds.values()))
    )


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "history": _measures,
    "ranks": _ranks,
    "jobs": _count,
    "steps": _count,
    "seconds": _number,
    "bestEpoch": lambda value: value is None or _count(value),
    "syncEvery": _count,
    "modelBlocks": _count,
    "initialWeights": _names,
}
_OPTIONAL = {"modelBlocks", "initialWeights"}
