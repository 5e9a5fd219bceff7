"""Params and a DataFrame to what a fit is made of: the recipe, the columns, the rows to send; or an error before any
job."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from pyspark.sql import DataFrame

from spark_deepnet.data.schema import LABEL, VECTOR, Columns, Target
from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.output import Output as Mark
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT, Net, Node, perceptron
from spark_deepnet.net.tokens import check_vocabularies, vocabulary_of
from spark_deepnet.net.wires import wired
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import Architecture, InputSpec, OutputSpec
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.score.output import Output
from spark_deepnet.spark import read
from spark_deepnet.spark.attributes import Names, class_names
from spark_deepnet.spark.fit.dealing import vector_key
from spark_deepnet.spark.names import check_at_rest, column, field
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import check_ranges, names_of, param_or_none, recipe_fields
from spark_deepnet.spark.wire import check_compression, compression_of

_log = logging.getLogger(__name__)
LOSS_OF_TOP = {"softmax": "softmax_cross_entropy", "sigmoid": "sigmoid_cross_entropy", "exponential": "poisson"}


class FitSpec:
    """What a fit is made of, found step by step; the parts are made when first asked for."""

    def __init__(self, params: DeepNetParams, df: DataFrame) -> None:
        self.params, self.df = params, df
        check_ranges(params)
        check_at_rest(df)
        for label in self.labels:
            field(df, label, "labelCol")
        found = [read.source_of(df, entry, names_of(params, entry.columns)) for entry in self.entries]
        self.sources = tuple(source for _, source in found)
        for head in self.heads:
            head.loss.check_units(head.units)
        self.outputs[0].check_thresholds(param_or_none(params, "thresholds"))
        sent = [part for parts, _ in found for part in parts]
        for entry, source in zip(self.entries, self.sources, strict=True):
            names = names_of(params, entry.columns)
            sent += read.exact_of(df, entry, names, source)
            if source.kind == VECTOR:
                wrapped = read.is_vector(field(df, names[0], "featuresCol"))
                sent.append(vector_key(column(names[0]), source, wrapped))
        self.frame = df.select(*sent, *self._others())

    @cached_property
    def layers(self) -> Sequence[Any]:
        layers = param_or_none(self.params, "layers")
        if layers is None:
            raise ParamError("layers: not set; give sizes such as [784, 128, 10] or layers such as [Dense(10)]")
        return self._perceptron(layers) if isinstance(layers[0], int) else layers

    def _perceptron(self, sizes: list[int]) -> list[Any]:
        """Sizes as layers; MLlib's softmax on top, or what the loss that was set wants there."""
        if len(sizes) < 2:
            raise ParamError(f"layers: sizes need an input and an output at least, as in [784, 10], found {sizes}")
        sizes = [*sizes[:-1], self._classes() if sizes[-1] == read.ANY else sizes[-1]]
        if min(sizes[1:]) < 1:
            raise ParamError(
                f"layers: sizes must be at least 1 (the first or last may be -1, from data), found {sizes}"
            )
        top = "softmax" if self.params.getLoss() == "auto" else Loss.of(self.params.getLoss()).link
        return [layer.to_json() for layer in perceptron(sizes, top)]

    def _classes(self) -> int:
        return read.classes_found(self.df, self.params.getLabelCol())

    @cached_property
    def labels(self) -> list[str]:
        """Each output's label column."""
        marks = [layer for layer in map(Layer.of, self.layers) if isinstance(layer, Mark)]
        return [mark.column or self.params.getLabelCol() for mark in marks or [Mark()]]

    @cached_property
    def entries(self) -> tuple[InputSpec, ...]:
        """The network's inputs: its Input layers, or one that is the features."""
        layers = [Layer.of(layer) for layer in self.layers]
        wired(layers)  # refuses what needs no shapes before a job looks for these
        inputs = [layer for layer in layers if isinstance(layer, Input)]
        if not inputs:
            return (self._entry(INPUT, (), self._shape_set(), layers, layers[0]),)
        return tuple(
            self._entry(layer.name or INPUT, layer.columns, layer.sizes or self._shape_set(), layers, None)
            for layer in inputs
        )

    def _entry(
        self,
        name: str,
        columns: tuple[str, ...],
        sizes: tuple[int, ...] | None,
        layers: list[Layer],
        first: Layer | None,
    ) -> InputSpec:
        readers = [layer for layer in layers if name in (layer.inputs or ()) or layer is first]
        after = [
            b for a, b in pairwise(layers) if isinstance(a, Input) and (a.name or INPUT) == name and b.inputs is None
        ]
        tokens = max(map(vocabulary_of, readers + after), default=0)
        return read.entry_of(self.df, name, columns, names_of(self.params, columns), sizes, tokens)

    def _shape_set(self) -> tuple[int, ...] | None:
        layers, shape = param_or_none(self.params, "layers") or [None], param_or_none(self.params, "inputShape")
        first = layers[0] if isinstance(layers[0], int) and layers[0] != read.ANY else None
        if shape is not None and (min([*shape[1:], 1]) < 1 or (shape[0] < 1 and shape[0] != read.ANY)):
            raise ParamError(f"inputShape: sizes must be at least 1 (the first may be -1: any number), found {shape}")
        if first is not None and first < 1:
            raise ParamError(
                f"layers: sizes must be at least 1 (the first or last may be -1, from data), found {layers}"
            )
        if shape is not None and first is not None and [first] != shape:
            raise ParamError(f"inputShape: {shape} does not agree with the first of layers, {first}; leave it unset")
        return tuple(shape) if shape is not None else (first,) if first is not None else None

    @cached_property
    def net(self) -> Net:
        net = Net.of(self.layers, {entry.name: entry.shape for entry in self.entries})
        check_vocabularies(net)
        steps = self.entries[0].shape[0]
        for top in net.tops:
            if len(top.shape) != 1 and not (len(top.shape) == 2 and top.shape[0] == steps):
                raise NetworkError(
                    f"layers: {top.name!r} gives {top.shape} a row, expected of an output one axis, or steps and one axis "
                    f"for scores of every step of the input; put Flatten() before the end"
                )
        return net

    @cached_property
    def architecture(self) -> Architecture:
        """The network with the loss of each output, of which the first's stands for all where no Output says another."""
        ends = zip(self.net.outputs, self.net.tops, self.labels, strict=True)
        losses = [self._loss(out, top, label) for out, top, label in ends]
        own = iter(losses)
        layers = (Layer.of(layer) for layer in self.layers)
        said = (replace(layer, loss=next(own)) if isinstance(layer, Mark) else layer for layer in layers)
        return Architecture(tuple(said), self.entries, losses[0])

    def _loss(self, out: Node, top: Node, label: str) -> Loss:
        """What the Output says, or the Param; by the top and the label where that is auto."""
        loss = (out.layer.loss if isinstance(out.layer, Mark) else None) or self.params.getLoss()
        return Loss.of(self._loss_found(top, label) if loss == "auto" else loss)

    def _loss_found(self, top: Node, label: str) -> str:
        """By the activation at the top; of several scores for one label, that can only be a class, softmax's."""
        kind = top.layer.kind
        if kind in LOSS_OF_TOP or top.shape[-1] == 1 or not read.is_one_label(self.df, label, len(top.shape) == 2):
            return LOSS_OF_TOP.get(kind, "squared")
        _log.warning(
            "fit: loss='auto' takes 'softmax_cross_entropy' for column %r: one label for %d outputs is a class, and the "
            "model gives probabilities; end layers in Softmax(), or set loss, to say so",
            label,
            top.shape[-1],
        )
        return "softmax_cross_entropy"

    @cached_property
    def heads(self) -> tuple[OutputSpec, ...]:
        return self.architecture.heads()

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(Output.of(head.loss, head.units) for head in self.heads)

    @cached_property
    def class_names(self) -> list[Names]:
        """Of each output."""
        return [
            class_names(self.df, target.label, 0 if target.steps else target.classes) for target in self.columns.targets
        ]

    @cached_property
    def columns(self) -> Columns:
        return Columns(
            sources=self.sources,
            targets=tuple(self._target(k) for k in range(len(self.heads))),
            weight=param_or_none(self.params, "weightCol"),
            validation=param_or_none(self.params, "validationIndicatorCol"),
        )

    def _target(self, k: int) -> Target:
        head = self.heads[k]
        return Target(
            label=self.labels[k],
            labels=0 if head.loss.task == "classification" else head.units,
            classes=self.outputs[k].classes,
            indicators=head.loss.task == "multilabel",
            steps=head.steps,
            column=f"{LABEL} {k}" if k else LABEL,
            least=head.loss.least,
            exact=not read.fits_float32(self.df, self.labels[k]),
        )

    def _others(self) -> list[Any]:
        """The columns beside the features."""
        found = [read.label_column(self.df, target) for target in self.columns.targets]
        for target in self.columns.targets:
            if not target.steps and target.classes:
                read.check_classes(self.df, target.label, target.classes)
        if self.columns.weight:
            found.append(read.weight_column(self.df, self.columns.weight))
        if self.columns.validation:
            found.append(read.validation_column(self.df, self.columns.validation))
        return found

    @cached_property
    def recipe(self) -> Recipe:
        p = self.params
        recipe = Recipe(
            architecture=self.architecture,
            optimizer=self._optimizer(),
            schedule=Schedule.of(p.getSchedule()),
            l1=p.getRegParam() * p.getElasticNetParam(),
            l2=p.getRegParam() * (1 - p.getElasticNetParam()),
            validated=self.columns.validation is not None,
            sync_every=0 if p.getSyncEvery() == "auto" else p.getSyncEvery(),
            **recipe_fields(p),
            **compression_of(p.getCompression()),
        )
        self.check_blocks(recipe)
        check_compression(recipe)
        return recipe

    def check_blocks(self, recipe: Recipe) -> None:
        """Refuse what weights in blocks cannot do; where their number is to be found, none such is."""
        if self.params.getModelBlocks() in (1, "auto"):
            return
        if recipe.sync_every == 0:
            raise ParamError("syncEvery: with modelBlocks above 1 it must be a number of steps, found 'auto'")
        if recipe.optimizer.layerwise:
            raise ParamError(
                f"solver: {recipe.optimizer.kind} measures each layer's weights whole, which modelBlocks cuts; take "
                f"another, such as adam"
            )

    def _optimizer(self) -> Optimizer:
        """The solver; one given by name takes the Param momentum, and sgd with momentum set is momentum."""
        solver = "adam" if self.params.getSolver() == "auto" else self.params.getSolver()
        if solver == "sgd" and self.params.isSet(self.params.momentum) and self.params.getMomentum() > 0:
            solver = "momentum"
        if isinstance(solver, str) and solver in ("momentum", "nesterov"):
            return Optimizer.of({"kind": solver, "momentum": self.params.getMomentum()})
        return Optimizer.of(solver)
