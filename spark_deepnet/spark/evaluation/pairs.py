"""Labels and predictions side by side."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from spark_deepnet.errors import DataError

LABEL, PREDICTION, WEIGHT, RAW, PROBABILITY = "label", "prediction", "weight", "raw", "probability"


@dataclass(frozen=True)
class Pairs:
    """What a summary is made of."""

    predictions: DataFrame
    """The DataFrame that was scored, with the output columns."""
    rows: DataFrame
    """label, prediction, weight; of classes also raw, and probability where there is one."""
    classes: int
    names: tuple[str, ...] | None
    """Of the classes, where they were texts."""


def no_rows() -> DataError:
    return DataError("evaluate: the DataFrame has no rows with a prediction and a weight above 0; give at least one")
