"""Params and a DataFrame to what a fit is made of: the recipe, the columns, the rows to send; or an error before any
job."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from pyspark.sql import Column, DataFrame

from spark_deepnet.data.schema import LABEL, VECTOR, WEIGHT, Columns, Source, Target
from spark_deepnet.errors import ParamError
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.plan.architecture import InputSpec, OutputSpec
from spark_deepnet.plan.automatic import BATCH_SIZE, EPOCHS, L2
from spark_deepnet.plan.connections import check_compression, compression_of
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import ANY_EPOCHS, USUAL_BATCH_SIZE, Recipe
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.score.output import Output
from spark_deepnet.spark.attributes import Names, class_names
from spark_deepnet.spark.columns.class_weights import class_weight, class_weights
from spark_deepnet.spark.columns.features import exact_of, source_of
from spark_deepnet.spark.columns.labels import (
    check_classes,
    fits_float32,
    label_column,
    order_column,
    validation_column,
    weight_column,
)
from spark_deepnet.spark.columns.several_labels import check_units, with_label
from spark_deepnet.spark.columns.types import is_vector
from spark_deepnet.spark.fit.dealing import vector_key
from spark_deepnet.spark.full_batch import check_full_batch
from spark_deepnet.spark.layer_values import layer_values
from spark_deepnet.spark.metrics import measured_by
from spark_deepnet.spark.names import check_at_rest, field
from spark_deepnet.spark.net_spec import NetSpec
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import check_ranges, names_of, param_or_none, recipe_fields


class FitSpec:
    """What a fit is made of; each part is made when it is first asked for."""

    def __init__(self, params: DeepNetParams, df: DataFrame, initial: InitialState | None = None) -> None:
        """initial: what the fit starts from."""
        check_ranges(params)
        check_at_rest(df)
        df, label = with_label(params, df)
        self.params, self.df = params, df
        self.network = NetSpec(params, df, label, () if initial is None else initial.weights)
        for label in self.network.labels:
            field(df, label, "labelCol")
        entries = self.network.entries
        features = [source_of(df, entry, names_of(params, entry.columns)) for entry in entries]
        self.sources = tuple(source for _, source in features)
        for head in self.heads:
            head.loss.check_units(head.units)
        check_units(params, len(self.heads), self.heads[0].units)
        self.outputs[0].check_thresholds(param_or_none(params, "thresholds"))
        layer_values(params, self.network.architecture, {})
        sent = [part for parts, _ in features for part in parts]
        for entry, source in zip(entries, self.sources, strict=True):
            sent += self._beside(entry, source)
        self.sent = [*sent, *self._others()]

    @cached_property
    def frame(self) -> DataFrame:
        """The columns that are sent."""
        return self.df.select(*self.sent)

    def _beside(self, entry: InputSpec, source: Source) -> list[Column]:
        """What is sent beside an input's numbers."""
        names = names_of(self.params, entry.columns)
        columns = [*exact_of(self.df, entry, names, source)]
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
        if (weight := self._weight()) is not None:
            columns.append(weight.alias(WEIGHT))
        if self.columns.order:
            columns.append(order_column(self.df, self.columns.order))
        if self.columns.validation:
            columns.append(validation_column(self.df, self.columns.validation))
        return columns

    def _weight(self) -> Column | None:
        """A row's weight times that of its class; None: all are 1."""
        name = param_or_none(self.params, "weightCol")
        weight = weight_column(self.df, name) if name else None
        if not self.columns.class_weights:
            return weight
        by_class = class_weight(self.df, self.columns)
        return by_class if weight is None else weight * by_class

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
        columns = Columns(
            sources=self.sources,
            targets=tuple(self._target(k) for k in range(len(self.heads))),
            weight=param_or_none(self.params, "weightCol"),
            validation=param_or_none(self.params, "validationIndicatorCol"),
            order=param_or_none(self.params, "orderCol"),
            skips=self.params.getHandleInvalid() == "skip",
            held_out=self._held_out(),
            seed=self.params.getSeed(),
        )
        weights = class_weights(self.df, columns, param_or_none(self.params, "classWeights"))
        named = columns.weight or ("classWeights" if weights else None)
        return replace(columns, class_weights=weights, weight=named)

    def _held_out(self) -> float:
        fraction = self.params.getValidationFraction()
        if fraction and param_or_none(self.params, "validationIndicatorCol"):
            raise ParamError(
                f"validationFraction: the rows for validation are those of validationIndicatorCol, found {fraction:g} too; "
                f"leave one of them unset"
            )
        return fraction

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
        measured = measured_by(p, self.heads, self.columns.validated)
        recipe = Recipe(
            architecture=self.network.architecture,
            optimizer=optimizer_of(p),
            schedule=schedule_of(p),
            l1=p.getRegParam() * p.getElasticNetParam(),
            l2=p.getRegParam() * (1 - p.getElasticNetParam()),
            validated=self.columns.validated,
            ordered=self.columns.order or "",
            class_weights=self.columns.class_weights,
            metrics=measured.metrics,
            monitor=measured.monitor,
            sync_every=0 if p.getSyncEvery() == "auto" else p.getSyncEvery(),
            automatic=automatic_of(p),
            **{"batch_size": USUAL_BATCH_SIZE}
            | recipe_fields(p)
            | ({} if p.isSet(p.maxIter) else {"epochs": ANY_EPOCHS}),
            compression=compression_of(p.getCompression()),
        )
        check_full_batch(recipe, p)
        check_moves(recipe)
        check_blocks(recipe, p)
        check_compression(recipe)
        return recipe


def automatic_of(params: DeepNetParams) -> tuple[str, ...]:
    """The fields of the recipe that follow from the number of rows."""
    lasts = not (params.isSet(params.maxIter) or params.getMaxSteps())
    decays = lasts and not params.isSet(params.regParam)
    wanted = {BATCH_SIZE: not params.isSet(params.batchSize), EPOCHS: lasts, L2: decays}
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def schedule_of(params: DeepNetParams) -> Schedule:
    schedule = params.getSchedule()
    if schedule == "auto":
        chosen = params.isSet(params.learningRate) or params.getSolver() != "auto"
        schedule = "constant" if chosen else "warmup_stable_decay"
    return Schedule.of(schedule)


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
