"""What the declaration of a Param holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.ml.param import TypeConverters

UNSET = object()
"""The default of a Param that has none."""
TYPES: dict[Any, str] = {
    TypeConverters.toInt: "int",
    TypeConverters.toFloat: "float",
    TypeConverters.toString: "str",
    TypeConverters.toBoolean: "bool",
    TypeConverters.toListInt: "list[int]",
    TypeConverters.toListFloat: "list[float]",
    TypeConverters.toListString: "list[str]",
}


@dataclass(frozen=True)
class Allowed:
    """The values that a Param may have."""

    test: Callable[[Any], bool]
    words: str
    """As they read behind "must be"."""


@dataclass(frozen=True)
class Declaration:
    """One Param. Constructor keywords, setParams, getters, setters, checks and help texts are made from it."""

    name: str
    convert: Callable[[Any], Any]
    doc: str
    default: Any = UNSET
    allowed: Allowed | None = None
    recipe: str = ""
    """The field of the Recipe that has its value, if it goes there as it is."""
    plan: str = ""
    """The field of the TrainPlan, likewise."""

    members: bool = False
    """Whether its value is made of members of families, which its getter gives as objects."""

    hint: str = "Any"
    """Its type in signatures, where the converter does not decide it."""

    @property
    def type(self) -> str:
        """Its type as signatures show it."""
        return TYPES.get(self.convert, self.hint)

    @property
    def title(self) -> str:
        """The end of its getter's and setter's name."""
        return self.name[0].upper() + self.name[1:]


def at_least(low: float) -> Allowed:
    return Allowed(lambda v: math.isfinite(v) and v >= low, f"at least {low:g}")


def above(low: float) -> Allowed:
    return Allowed(lambda v: math.isfinite(v) and v > low, f"above {low:g}")


def one_of(*names: str) -> Allowed:
    *first, last = map(repr, names)
    return Allowed(lambda v: v in names, f"{', '.join(first)} or {last}")


AT_LEAST_1_OR_AUTO = Allowed(lambda v: v == "auto" or v >= 1, "at least 1, or 'auto'")
