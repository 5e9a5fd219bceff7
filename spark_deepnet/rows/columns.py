"""The columns that ranks and scorers are sent: a fixed set of names, whatever the user's columns are called."""

from __future__ import annotations

from dataclasses import dataclass

DENSE = "features"  # array<float>
SPARSE = ("type", "size", "indices", "values")  # a vector, unwrapped: type 0 sparse, 1 dense
LABEL, WEIGHT, VALIDATION = "label", "weight", "validation"
STATE, PART = "state", "part"  # a chunk of the last job's state among the rows, and its number


@dataclass(frozen=True)
class Columns:
    """How to read the columns sent, and the user's names for them, for messages.

    width: features a row; vectors: whether they come as unwrapped vectors instead of arrays; labels: targets a row, 0
    for one number that is a class 0..classes-1.
    """

    width: int
    features: str = "features"
    vectors: bool = False
    label: str | None = None
    labels: int = 0
    classes: int = 0
    indicators: bool = False
    """Whether targets say yes or no, and so lie in 0..1."""
    weight: str | None = None
    validation: str | None = None
