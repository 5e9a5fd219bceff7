"""Converters of Params: each turns what a user gives into what the metadata keeps, or raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters

from spark_deepnet.errors import ParamError
from spark_deepnet.layers._handle import Handle
from spark_deepnet.losses.loss import Loss
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.net.handles import layers_of
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.registry import FAMILIES, Member, plain
from spark_deepnet.schedules.schedule import Schedule


class ToJson:
    """Converts an object or its JSON to JSON; a name stays as it is."""

    def __init__(self, family: type[Member], *others: str) -> None:
        self.family, self.others = family, others

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.others:
            return value
        made = self.family.of(value)
        return value if isinstance(value, str) else made.to_json()


def to_layers(value: Any) -> list[Any]:
    """Sizes, or layers as JSON; handles as the layers that make the same network."""
    if isinstance(value, Handle):
        value = [value]
    if not isinstance(value, list | tuple | np.ndarray) or len(value) == 0:
        raise ParamError(f"layers: expected a list such as [784, 128, 10] or [Dense(10)], found {value!r}")
    if all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in value):
        return [int(v) for v in value]
    return [layer.to_json() for layer in layers_of(value)]


def to_metrics(value: Any) -> list[Any]:
    """Names of metrics, or their JSON."""
    if not isinstance(value, list | tuple):
        raise ParamError(f"metrics: expected a list such as ['accuracy', 'f1'], found {value!r}")
    return [each if isinstance(each, str) and Metric.of(each) else Metric.of(each).to_json() for each in value]


def to_int_or_auto(value: Any) -> Any:
    """A whole number, or 'auto'."""
    if isinstance(value, str) and value != "auto":
        raise TypeError(f"expected a whole number or 'auto', found {value!r}")
    return value if isinstance(value, str) else TypeConverters.toInt(value)


def to_features_col(value: Any) -> str:
    """A column's name; a list of them belongs to another Param."""
    if isinstance(value, list | tuple):
        raise ParamError(
            f"featuresCol: expected one column, found {value!r}; several columns are featuresCols={list(value)!r}"
        )
    return str(TypeConverters.toString(value))


def to_label_col(value: Any) -> str:
    """A column's name; several targets are one array column."""
    if isinstance(value, list | tuple):
        raise ParamError(
            f"labelCol: expected one column, found {value!r}; several targets are labelCols={list(value)!r}, or one array "
            f"column of them"
        )
    return str(TypeConverters.toString(value))


def members_of(value: Any) -> Any:
    """What the metadata keep of members, names and sizes, with the members as objects."""
    if isinstance(value, list):
        return [members_of(each) for each in value]
    if isinstance(value, dict) and "kind" in value:
        return FAMILIES[str(value["kind"]).partition(".")[0]].of(value)
    return value


class Plain:
    """A converter that also takes NumPy's numbers and arrays: grids are made with ``linspace`` and ``arange``."""

    def __init__(self, converter: Callable[[Any], Any]) -> None:
        self.converter = converter

    def __call__(self, value: Any) -> Any:
        return self.converter(plain(value))


to_loss = ToJson(Loss, "auto")
to_optimizer = ToJson(Optimizer, "auto")
to_schedule = ToJson(Schedule, "auto")
