"""labelCols: several columns as one label, an array."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.columns.types import check_number
from spark_deepnet.spark.names import column, field, new_name
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import param_or_none


def with_label(params: DeepNetParams, df: DataFrame) -> tuple[DataFrame, str]:
    """The DataFrame, and its column that is the label: labelCol, or one that is made of labelCols and named after them."""
    names = param_or_none(params, "labelCols")
    if names is None:
        return df, params.getLabelCol()
    if len(set(names)) < len(names):
        raise ParamError(f"labelCols: each column once, found {names}")
    if params.isSet(params.labelCol):
        raise ParamError(
            f"labelCols: {names} are given beside labelCol={params.getLabelCol()!r}; leave one of them unset"
        )
    fields = [field(df, name, "labelCols") for name in names]
    for f in fields:
        check_number(f, "labelCols")
    if len(names) == 1:
        return df, fields[0].name
    label = new_name(df, ", ".join(names))
    return df.withColumn(label, F.array(*[column(f.name).cast("double") for f in fields])), label


def check_units(params: DeepNetParams, outputs: int, units: int) -> None:
    """Refuse labelCols where the network has not one unit for each."""
    names = param_or_none(params, "labelCols")
    if names is None:
        return
    if outputs > 1:
        raise ParamError(
            f"labelCols: the network has {outputs} outputs, each of which names its own column, as in Output(column=...); "
            f"leave labelCols unset"
        )
    if units != len(names):
        raise ParamError(f"labelCols: {len(names)} columns, but the last layer has {units} units; give it {len(names)}")
