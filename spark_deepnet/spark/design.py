"""Params and a DataFrame to what a fit is made of: the recipe, the columns, the rows to send; or an error before any
job."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net, perceptron
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.rows.columns import Columns
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.score.output import Output
from spark_deepnet.spark import read
from spark_deepnet.spark.params import DeepNetParams

FROM_DATA = -1  # a size in ``layers`` that the data tells
LOSS_OF_TOP = {"softmax": "softmax_cross_entropy", "sigmoid": "sigmoid_cross_entropy", "exponential": "poisson"}


def _at_least(low: float) -> tuple[Callable[[Any], bool], str]:
    return lambda v: math.isfinite(v) and v >= low, f"at least {low:g}"


def _above(low: float) -> tuple[Callable[[Any], bool], str]:
    return lambda v: math.isfinite(v) and v > low, f"above {low:g}"


RANGES = {
    "maxIter": _at_least(1),
    "batchSize": _at_least(1),
    "learningRate": _above(0),
    "momentum": (lambda v: 0 <= v < 1, "at least 0 and below 1"),
    "regParam": _at_least(0),
    "elasticNetParam": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "tol": _at_least(0),
    "patience": _at_least(0),
    "clipNorm": _at_least(0),
    "clipValue": _at_least(0),
    "numTrainWorkers": _at_least(0),
    "jobSeconds": _at_least(0),
    "timeout": _above(0),
    "handleInvalid": (lambda v: v in ("error", "skip", "keep"), "'error', 'skip' or 'keep'"),
}


def check_ranges(params: DeepNetParams) -> None:
    for name, (fits, words) in RANGES.items():
        value = params.getOrDefault(params.getParam(name))
        if not fits(value):
            raise ParamError(f"{name}: must be {words}, found {value!r}")


def told(params: DeepNetParams, name: str) -> Any:
    """A Param's value; None where it is unset or empty."""
    param = params.getParam(name)
    return (params.getOrDefault(param) or None) if params.isDefined(param) else None


class Design:
    """What a fit is made of, found step by step; the parts are made when first asked for."""

    def __init__(self, params: DeepNetParams, df: DataFrame) -> None:
        self.params, self.df = params, df
        check_ranges(params)
        features, self.vectors = read.feature_columns(df, params.getFeaturesCol(), told(params, "featuresCols"))
        self.loss.check_units(self.units)
        self.output.check_thresholds(told(params, "thresholds"))
        self.frame = df.select(*features, *self._others())

    @cached_property
    def layers(self) -> Sequence[Any]:
        layers = told(self.params, "layers")
        if layers is None:
            raise ParamError("layers: not set; give sizes such as [784, 128, 10] or layers such as [Dense(10)]")
        return self._perceptron(layers) if isinstance(layers[0], int) else layers

    def _perceptron(self, sizes: list[int]) -> list[Any]:
        """Sizes as layers; MLlib's softmax on top, or what the loss that was set wants there."""
        if len(sizes) < 2:
            raise ParamError(f"layers: sizes need an input and an output at least, as in [784, 10], found {sizes}")
        sizes = [*sizes[:-1], self._classes() if sizes[-1] == FROM_DATA else sizes[-1]]
        if min(sizes[1:]) < 1:
            raise ParamError(f"layers: sizes must be at least 1 (the first or last may be -1, from data), found {sizes}")
        top = "softmax" if self.params.getLoss() == "auto" else Loss.of(self.params.getLoss()).link
        return [layer.to_json() for layer in perceptron(sizes, top)]

    def _classes(self) -> int:
        return read.classes_found(self.df, self.params.getLabelCol())

    @cached_property
    def input_shape(self) -> tuple[int, ...]:
        """From the first size, inputShape, the schema, or at last from a row."""
        shape = self._shape_set() or (self._width_told() or self._width_found(),)
        known = self._width_told()
        if known is not None and known != math.prod(shape):
            name = told(self.params, "featuresCols") or self.params.getFeaturesCol()
            raise NetworkError(
                f"column {name!r}: vectors of length {known}, but the first layer takes {math.prod(shape)}; give layers "
                f"or inputShape for {known}"
            )
        return shape

    def _shape_set(self) -> tuple[int, ...] | None:
        layers, shape = told(self.params, "layers") or [None], told(self.params, "inputShape")
        first = layers[0] if isinstance(layers[0], int) and layers[0] != FROM_DATA else None
        if shape is not None and min(shape) < 1:
            raise ParamError(f"inputShape: sizes must be at least 1, found {shape}")
        if first is not None and first < 1:
            raise ParamError(f"layers: sizes must be at least 1 (the first or last may be -1, from data), found {layers}")
        if shape is not None and first is not None and [first] != shape:
            raise ParamError(f"inputShape: {shape} does not agree with the first of layers, {first}; leave it unset")
        return tuple(shape) if shape is not None else (first,) if first is not None else None

    def _width_told(self) -> int | None:
        return read.width_told(self.df, self.params.getFeaturesCol(), told(self.params, "featuresCols"))

    def _width_found(self) -> int:
        return read.width_found(self.df, self.params.getFeaturesCol())

    @cached_property
    def net(self) -> Net:
        net = Net.of(self.layers, {INPUT: self.input_shape})
        if len(net.shape) != 1:
            raise NetworkError(f"layers: the last gives {net.shape} a row, expected one axis; put Flatten() before the end")
        return net

    @property
    def units(self) -> int:
        return self.net.shape[0]

    @cached_property
    def loss(self) -> Loss:
        told = self.params.getLoss()
        return Loss.of(LOSS_OF_TOP.get(self.net.nodes[-1].layer.kind, "squared") if told == "auto" else told)

    @cached_property
    def output(self) -> Output:
        return Output.of(self.loss, self.units)

    @cached_property
    def columns(self) -> Columns:
        params = self.params
        return Columns(
            width=math.prod(self.input_shape),
            features=params.getFeaturesCol() if not told(params, "featuresCols") else ", ".join(params.getFeaturesCols()),
            vectors=self.vectors,
            label=params.getLabelCol(),
            labels=0 if self.loss.task == "classification" else self.units,
            classes=self.output.classes,
            indicators=self.loss.task == "multilabel",
            weight=told(params, "weightCol"),
            validation=told(params, "validationIndicatorCol"),
        )

    def _others(self) -> list[Any]:
        """The columns beside the features."""
        label = self.params.getLabelCol()
        several = self.columns.labels > 1
        found = [read.label_column(self.df, label, several)]
        if not several and self.output.classes:
            read.check_classes(self.df, label, self.output.classes)
        if self.columns.weight:
            found.append(read.weight_column(self.df, self.columns.weight))
        if self.columns.validation:
            found.append(read.validation_column(self.df, self.columns.validation))
        return found

    @cached_property
    def recipe(self) -> Recipe:
        p = self.params
        layers = tuple(Layer.of(layer).to_json() for layer in self.layers)
        return Recipe(
            architecture=Architecture(layers, self.input_shape, self.loss.to_json()),
            optimizer=self._optimizer(),
            schedule=Schedule.of(p.getSchedule()).to_json(),
            learning_rate=p.getLearningRate(),
            batch_size=p.getBatchSize(),
            epochs=p.getMaxIter(),
            seed=p.getSeed(),
            l1=p.getRegParam() * p.getElasticNetParam(),
            l2=p.getRegParam() * (1 - p.getElasticNetParam()),
            clip_norm=p.getClipNorm(),
            clip_value=p.getClipValue(),
            patience=p.getPatience(),
            tol=p.getTol(),
            validated=self.columns.validation is not None,
        )

    def _optimizer(self) -> Any:
        """The solver; one given by name takes the Param momentum, and sgd with momentum set is momentum."""
        solver = "adam" if self.params.getSolver() == "auto" else self.params.getSolver()
        if solver == "sgd" and self.params.isSet(self.params.momentum) and self.params.getMomentum() > 0:
            solver = "momentum"
        if isinstance(solver, str) and solver in ("momentum", "nesterov"):
            return Optimizer.of({"kind": solver, "momentum": self.params.getMomentum()}).to_json()
        return Optimizer.of(solver).to_json()
