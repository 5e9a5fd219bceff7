"""``model.evaluate``: scores a DataFrame, and summarises predictions beside labels in one job."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from spark_deepnet.errors import DataError, ParamError, near
from spark_deepnet.layers.output import Output as OutputLayer
from spark_deepnet.spark.columns.several_labels import with_label
from spark_deepnet.spark.columns.types import check_number
from spark_deepnet.spark.evaluation.classes import ClassificationSummary, classification
from spark_deepnet.spark.evaluation.labels import MultilabelSummary, multilabel
from spark_deepnet.spark.evaluation.numbers import RegressionSummary, regression
from spark_deepnet.spark.evaluation.pairs import LABEL, PREDICTION, PROBABILITY, RAW, WEIGHT, Pairs
from spark_deepnet.spark.names import column, field
from spark_deepnet.spark.params.values import param_or_none

Summary = ClassificationSummary | MultilabelSummary | RegressionSummary


def evaluated(model: Any, df: DataFrame, output: str | None) -> Summary:
    """The summary of one output of a DeepNetModel, by its name; None: the first."""
    k = output_number(model, output, "evaluate")
    if model.outputs[k].steps:
        raise DataError(
            "evaluate: this network scores every step of a row; compare labels and predictions by transform"
        )
    scored = with_all_columns(model).transform(df)
    labelled, label = with_label(model, scored)
    pairs = Pairs(
        predictions=scored,
        rows=labelled.select(*_columns(model, labelled, label, k)),
        classes=model.outputs[k].classes,
        names=model.class_names[k],
    )
    if model.outputs[k].classes:
        return classification(pairs, model.outputs[k].probability)
    if model.outputs[k].task == "multilabel":
        return multilabel(pairs, model.outputs[k].units)
    return regression(pairs, model.outputs[k].units)


def output_number(model: Any, output: str | None, where: str) -> int:
    """Which output has this name; None: the first. where: for the error."""
    names = [head.name for head in model.architecture.heads()]
    if output is None:
        return 0
    if output not in names:
        raise ParamError(f"{where}: there is no output {output!r}; {near(output, names)}")
    return names.index(output)


def with_all_columns(model: Any) -> Any:
    """The model, with default names for columns that are left out of its output."""
    wanted = {model.predictionCol: "prediction", model.rawPredictionCol: "rawPrediction"}
    return model.copy({param: name for param, name in wanted.items() if not model.getOrDefault(param)})


def _columns(model: Any, df: DataFrame, label: str, k: int) -> list[Column]:
    """Label, prediction, weight, and of classes the scores. label: the column of outputs that name none."""
    behind = f"_{model.outputs[k].name}" if k else ""
    params = with_all_columns(model)
    columns = [
        label_of(model, df, label, k).alias(LABEL),
        column(params.getPredictionCol() + behind).alias(PREDICTION),
        weight_of(model, df).alias(WEIGHT),
    ]
    if model.outputs[k].classes:
        columns.append(column(params.getRawPredictionCol() + behind).alias(RAW))
        if model.outputs[k].probability and params.getProbabilityCol():
            columns.append(column(params.getProbabilityCol() + behind).alias(PROBABILITY))
    return columns


def label_of(model: Any, df: DataFrame, label: str, k: int) -> Column:
    """The label; a text as the number of its class, where the model knows the classes' names."""
    layer, names = model.architecture.net().outputs[k].layer, model.class_names[k]
    name = (layer.column if isinstance(layer, OutputLayer) else None) or label
    f = field(df, name, "labelCol")
    if isinstance(f.dataType, StringType) and names:
        number = F.array_position(F.array(*map(F.lit, names)), column(name)) - 1
        return F.when(number >= 0, number.cast("double"))
    if model.outputs[k].several:
        return column(name)
    check_number(f, "labelCol")
    return column(name).cast("double")


def weight_of(model: Any, df: DataFrame) -> Column:
    name = param_or_none(model, "weightCol")
    if not name:
        return F.lit(1.0)
    check_number(field(df, name, "weightCol"), "weightCol")
    return column(name).cast("double")
