"""What the type of a column says: vector, array, image, number."""

from __future__ import annotations

from pyspark.ml.linalg import VectorUDT
from pyspark.mllib.linalg import VectorUDT as OldVectorUDT
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    NumericType,
    StringType,
    StructField,
    StructType,
)

from spark_deepnet.errors import DataError

FLOATS = "array<float>"
IMAGE_FIELDS = ("height", "width", "nChannels", "data")


def is_vector(f: StructField) -> bool:
    return isinstance(f.dataType, VectorUDT)


def is_bare_vector(f: StructField) -> bool:
    """A vector that came back without its type, as the struct that it is stored as: ORC keeps no such types."""
    return isinstance(f.dataType, StructType) and f.dataType.simpleString() == VectorUDT.sqlType().simpleString()


def depth(f: StructField) -> int:
    """How many arrays of arrays of numbers a column is; 0: no array of numbers."""
    kind, levels = element_of(f)
    return levels if isinstance(kind, NumericType | BooleanType) else 0


def element_of(f: StructField) -> tuple[DataType, int]:
    """The type within arrays of arrays, and how many of these there are."""
    kind, levels = f.dataType, 0
    while isinstance(kind, ArrayType):
        kind, levels = kind.elementType, levels + 1
    return kind, levels


def type_of(f: StructField) -> str:
    """A column's type in a sentence."""
    if isinstance(f.dataType, OldVectorUDT):
        return (
            "a vector of pyspark.mllib.linalg, Spark's old RDD API; MLUtils.convertVectorColumnsToML of pyspark.mllib.util "
            "makes vectors of pyspark.ml.linalg"
        )
    return f.dataType.simpleString()


def is_image(f: StructField) -> bool:
    """A column of Spark's image data source: its ``data`` holds height x width x channels bytes, blue first."""
    return isinstance(f.dataType, StructType) and set(IMAGE_FIELDS) <= set(f.dataType.names)


def is_number(f: StructField) -> bool:
    return isinstance(f.dataType, NumericType | BooleanType)


def check_number(f: StructField, param: str) -> None:
    if not is_number(f):
        raise DataError(f"{param}: column {f.name!r} is {type_of(f)}; expected a numeric column{_for_texts(f)}")


def _for_texts(f: StructField) -> str:
    """What makes numbers of texts."""
    return " (StringIndexer makes numbers 0..k-1 of texts)" if isinstance(f.dataType, StringType) else ""


def no_features(f: StructField) -> DataError:
    """The error of a features column of a type that is none of numbers."""
    kind, levels = element_of(f)
    remedy = ""
    if isinstance(kind, StringType):
        makers = ("CountVectorizer", "spark_deepnet.TokenIds") if levels else ("StringIndexer", "Tokenizer")
        remedy = f"; {' or '.join(makers)} makes numbers of {'lists of texts' if levels else 'texts'}"
    return DataError(
        f"featuresCol: column {f.name!r} is {type_of(f)}; expected a vector or an array of numbers (VectorAssembler makes "
        f"one), a binary tensor or an image, or featuresCols with several numeric columns{remedy}"
    )
