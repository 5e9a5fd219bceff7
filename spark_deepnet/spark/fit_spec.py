"""Params and a DataFrame to what a fit is made of: the recipe, the columns, the rows to send; or an error before any
job."""

from __future__ import annotations

from functools import cached_property

from pyspark.sql import Column, DataFrame

from spark_deepnet.data.schema import LABEL, VECTOR, Columns, Source, Target
from spark_deepnet.errors import ParamError
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import InputSpec, OutputSpec
from spark_deepnet.plan.connections import check_compression, compression_of
from spark_deepnet.plan.plan import ANY_EPOCHS, Recipe
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.score.output import Output
from spark_deepnet.spark.attributes import Names, class_names
from spark_deepnet.spark.columns.features import exact_of, source_of
from spark_deepnet.spark.columns.labels import (
    check_classes,
    fits_float32,
    label_column,
    order_column,
    validation_column,
    weight_column,
)
from spark_deepnet.spark.columns.types import is_vector
from spark_deepnet.spark.fit.dealing import vector_key
from spark_deepnet.spark.layer_values import layer_values
from spark_deepnet.spark.names import check_at_rest, field
from spark_deepnet.spark.net_spec import NetSpec
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import check_ranges, names_of, param_or_none, recipe_fields


class FitSpec:
    """What a fit is made of; each part is made when it is first asked for."""

    def __init__(self, params: DeepNetParams, df: DataFrame) -> None:
        self.params, self.df, self.network = params, df, NetSpec(params, df)
        check_ranges(params)
        check_at_rest(df)
        for label in self.network.labels:
            field(df, label, "labelCol")
        entries = self.network.entries
        features = [source_of(df, entry, names_of(params, entry.columns)) for entry in entries]
        self.sources = tuple(source for _, source in features)
        for head in self.heads:
            head.loss.check_units(head.units)
        self.outputs[0].check_thresholds(param_or_none(params, "thresholds"))
        layer_values(params, self.network.architecture, {})
        sent = [part for parts, _ in features for part in parts]
        for entry, source in zip(entries, self.sources, strict=True):
            sent += self._beside(entry, source)
        self.frame = df.select(*sent, *self._others())

    def _beside(self, entry: InputSpec, source: Source) -> list[Column]:
        """What is sent beside an input's numbers."""
        names = names_of(self.params, entry.columns)
        columns = exact_of(self.df, entry, names, source)
        if source.kind == VECTOR:
            wrapped = is_vector(field(self.df, names[0], "featuresCol"))
            columns.append(vector_key(names[0], source, wrapped))
        return columns

    def _others(self) -> list[Column]:
        """The columns beside the features."""
        columns = [label_column(self.df, target) for target in self.columns.targets]
        for target in self.columns.targets:
            if not target.steps and target.classes:
                check_classes(self.df, target.label, target.classes)
        if self.columns.weight:
            columns.append(weight_column(self.df, self.columns.weight))
        if self.columns.order:
            columns.append(order_column(self.df, self.columns.order))
        if self.columns.validation:
            columns.append(validation_column(self.df, self.columns.validation))
        return columns

    @cached_property
    def heads(self) -> tuple[OutputSpec, ...]:
        return self.network.architecture.heads()

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
            order=param_or_none(self.params, "orderCol"),
        )

    def _target(self, k: int) -> Target:
        head, label = self.heads[k], self.network.labels[k]
        return Target(
            label=label,
            labels=0 if head.loss.task == "classification" else head.units,
            classes=self.outputs[k].classes,
            indicators=head.loss.task == "multilabel",
            steps=head.steps,
            column=f"{LABEL} {k}" if k else LABEL,
            least=head.loss.least,
            ignore=head.loss.ignored,
            exact=not fits_float32(self.df, label),
        )

    @cached_property
    def recipe(self) -> Recipe:
        p = self.params
        recipe = Recipe(
            architecture=self.network.architecture,
            optimizer=optimizer_of(p),
            schedule=Schedule.of(p.getSchedule()),
            l1=p.getRegParam() * p.getElasticNetParam(),
            l2=p.getRegParam() * (1 - p.getElasticNetParam()),
            validated=self.columns.validation is not None,
            ordered=self.columns.order or "",
            sync_every=0 if p.getSyncEvery() == "auto" else p.getSyncEvery(),
            **recipe_fields(p) | ({"epochs": ANY_EPOCHS} if p.getMaxSteps() and not p.isSet(p.maxIter) else {}),
            compression=compression_of(p.getCompression()),
        )
        check_moves(recipe)
        check_blocks(recipe, p)
        check_compression(recipe)
        return recipe


def optimizer_of(params: DeepNetParams) -> Optimizer:
    """The solver; one given by name takes the Param momentum, and sgd with momentum set is momentum."""
    solver = "adam" if params.getSolver() == "auto" else params.getSolver()
    if solver == "sgd" and params.isSet(params.momentum) and params.getMomentum() > 0:
        solver = "momentum"
    if isinstance(solver, str) and solver in ("momentum", "nesterov"):
        return Optimizer.of({"kind": solver, "momentum": params.getMomentum()})
    return Optimizer.of(solver)


def check_moves(recipe: Recipe) -> None:
    """Refuse a network that has weights, all of which are frozen."""
    weights = [slot.weight for slot in recipe.scores_net().layout.slots if slot.weight.trained]
    if weights and not any(weight.moves for weight in weights):
        raise ParamError(
            "layers: all weights are frozen by trainable=False or rates of 0, so a fit would change nothing; leave some "
            "layer trainable"
        )


def check_blocks(recipe: Recipe, params: DeepNetParams) -> None:
    """Refuse what weights in blocks cannot do; 'auto' chooses no blocks for it."""
    if params.getModelBlocks() in (1, "auto"):
        return
    if recipe.sync_every == 0:
        raise ParamError("syncEvery: with modelBlocks above 1 it must be a number of steps, found 'auto'")
    if recipe.optimizer.layerwise:
        raise ParamError(
            f"solver: {recipe.optimizer.kind} needs each layer's weights whole, which modelBlocks cuts; choose another, "
            f"such as adam"
        )
