"""What Spark ML's stages read of a column beside its type: how many classes a number can be, and how long vectors are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.types import StructField

from spark_deepnet.errors import ModelFormatError
from spark_deepnet.score.output import PREDICTION, Output
from spark_deepnet.spark.names import field

ML = "ml_attr"
Names = tuple[str, ...] | None
"""Of the classes, where StringIndexer made them of texts."""


def class_names(df: DataFrame, label: str, classes: int) -> Names:
    """The texts of a label column's classes, where its metadata hold one for each."""
    names = field(df, label, "labelCol").metadata.get(ML, {}).get("vals") or ()
    return tuple(map(str, names)) if classes and len(names) == classes else None


def named_values(f: StructField) -> int:
    """How many different values a column has by its metadata, as StringIndexer writes them; 0 where they do not say."""
    known: dict[str, Any] = f.metadata.get(ML, {})
    return len(known.get("vals") or ()) or int(known.get("num_vals") or 0)


def check_names(class_names: Any, outputs: Sequence[Output]) -> tuple[Names, ...]:
    """The class names of a saved model's outputs; none in those of earlier versions."""
    if class_names is None:
        return (None,) * len(outputs)
    whole = isinstance(class_names, list) and len(class_names) == len(outputs) and all(map(_fits, class_names, outputs))
    if not whole:
        raise ModelFormatError("load: the names of the model's classes are not those of its outputs")
    return tuple(names and tuple(names) for names in class_names)


def _fits(names: Any, output: Output) -> bool:
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names is None or (texts and len(names) == output.classes > 0)


def metadata_of(column: str, part: str, output: Output, names: Names) -> dict[str, Any]:
    """An output column's metadata; empty where there is nothing to tell, as of arrays."""
    if output.steps or (part == PREDICTION and output.several and output.raw):
        return {}
    if part == PREDICTION and not output.several:
        if not output.classes:
            return {ML: {"type": "numeric", "name": column}}
        values = {"vals": list(names)} if names else {"num_vals": output.classes}
        return {ML: {"type": "nominal", "name": column, **values}}
    return {ML: {"num_attrs": output.classes or output.units, **_entries(names)}}


def metadata_of_vectors(width: int) -> dict[str, Any]:
    """The metadata of a column of vectors whose entries have no names."""
    return {ML: {"num_attrs": width}}


def _entries(names: Names) -> dict[str, Any]:
    """A vector's entries by their names, which may not be empty."""
    if not names or not all(names):
        return {}
    return {"attrs": {"numeric": [{"idx": k, "name": name} for k, name in enumerate(names)]}}
