"""The Param classWeights: 'balanced', or one weight per class."""

from __future__ import annotations

import math
from typing import Any

from pyspark.ml.param import TypeConverters

from spark_deepnet.errors import ParamError

BALANCED = "balanced"


def to_class_weights(value: Any) -> Any:
    """'balanced' or a list of numbers; of a mapping class -> weight, as Keras has it, the list."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if sorted(value) != list(range(len(value))):
            raise ParamError(f"classWeights: a mapping needs a weight for every class from 0 on, found {value!r}")
        value = [value[k] for k in range(len(value))]
    try:
        return TypeConverters.toListFloat(value)
    except TypeError:
        raise ParamError(
            f"classWeights: expected 'balanced' or a list with one weight per class, found {value!r}"
        ) from None


def right_weights(value: Any) -> bool:
    """Whether these can be weights of classes."""
    if isinstance(value, str):
        return value == BALANCED
    return len(value) > 0 and all(math.isfinite(v) and v >= 0 for v in value) and any(value)
