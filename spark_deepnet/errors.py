"""What can go wrong and be said in one sentence: where, what was found, what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite


class DeepNetError(Exception):
    """The base of all errors that this package raises on purpose."""


class ParamError(DeepNetError, ValueError):
    """A Param or a constructor argument has a value that cannot be used."""


class UnknownNameError(ParamError):
    """A name that no layer, loss, optimizer, schedule or initializer bears."""


class UnknownParamError(UnknownNameError, TypeError):
    """A keyword that no Param, or no field of a member, has; a TypeError too, as for any unknown keyword."""


class NetworkError(DeepNetError, ValueError):
    """Layers that do not fit together, or do not fit their input."""


class DataError(DeepNetError, ValueError):
    """Rows or columns that cannot be trained on or scored."""


class ClusterError(DeepNetError, RuntimeError):
    """A session or a cluster that cannot run the fit as asked."""


class ExchangeError(DeepNetError, RuntimeError):
    """A rank that cannot be met, heard or trusted."""


class LostPeerError(ExchangeError):
    """A rank that has gone, or cannot be reached: its own end may say why."""


class TrainingError(DeepNetError, ArithmeticError):
    """Training that left the finite numbers."""


class CallbackError(DeepNetError, RuntimeError):
    """A callback that raised an error, which is its cause."""


class FormatError(DeepNetError, ValueError):
    """A file of another framework that cannot be read, or holds what this package does not have."""


class ModelFormatError(DeepNetError, ValueError):
    """A saved model that is damaged or was written by another version."""


MANY = 100
"""Names that a sentence lists at most."""


NEAR_CUTOFF = 0.6
"""The similarity (difflib's ratio) from which on a name is near."""


def listed(names: Iterable[str]) -> str:
    """Names of which one may be meant."""
    return " or ".join(map(repr, names))


def near(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the near names, or all where none is near."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=NEAR_CUTOFF)
    close = close or [other for other in names if other.lower() == name.lower()]
    if close:
        return f"did you mean {listed(close)}?"
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return f"known are {', '.join(names[:MANY])}{more}" if names else "there are none"


_RANGES = {
    "above 0": lambda v: v > 0,
    "at least 0": lambda v: v >= 0,
    "at least 0 and below 1": lambda v: 0 <= v < 1,
    "at least 0 and at most 1": lambda v: 0 <= v <= 1,
    "above 0 and below 1": lambda v: 0 < v < 1,
    "above 0 and at most 1": lambda v: 0 < v <= 1,
    "a finite number": lambda v: True,
}


def check_numbers(member: object, right: str, *names: str) -> None:
    """Raise a ParamError unless the fields of these names are finite numbers in the range that ``right`` names."""
    for name in names:
        value = getattr(member, name)
        if not (isinstance(value, int | float) and isfinite(value) and _RANGES[right](value)):
            raise ParamError(f"{type(member).__name__}: {name} must be {right}, found {value!r}")


class SizeError(DeepNetError, MemoryError):
    """Weights that are too large to be brought to one process."""


class MissingPackageError(DeepNetError, ImportError):
    """A package that only some need is not installed."""


class SaveError(DeepNetError, OSError):
    """A model that cannot be written where it was asked to be."""


class CheckpointError(DeepNetError, ValueError):
    """Checkpoints of which none is whole."""
