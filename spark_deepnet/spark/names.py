"""Columns by their names, as the session compares them: by default names that differ by case alone are one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from spark_deepnet.errors import DataError, near

CASE = "spark.sql.caseSensitive"


def column(name: str) -> Column:
    """A column by its whole name, dots and all."""
    return F.col("`{}`".format(name.replace("`", "``")))


def by_case(spark: SparkSession) -> bool:
    """Whether the session tells names apart that differ by case alone."""
    return str(spark.conf.get(CASE)).lower() == "true"


def field(df: DataFrame, name: str, param: str) -> StructField:
    """The schema's field of a column that a Param names."""
    alike = [f for f in df.schema.fields if f.name.lower() == name.lower()]
    if len(alike) == 1 and alike[0].name == name:
        return alike[0]
    exact = by_case(df.sparkSession)
    matches = [f for f in alike if f.name == name or not exact]
    if not matches:
        raise DataError(f"{param}: there is no column {name!r}; {near(name, df.columns)}")
    if len(matches) > 1:
        listed = ", ".join(repr(f.name) for f in matches)
        raise DataError(
            f"{param}: {name!r} names {len(matches)} columns, {listed}; rename or drop all but one"
            f"{_hint([f.name for f in matches])}"
        )
    return matches[0]


def _hint(names: Collection[str]) -> str:
    """Why names that differ are one."""
    return f" ({CASE} is false, so case makes no difference)" if len(set(names)) > 1 else ""


def check_new(df: DataFrame, names: Iterable[str]) -> None:
    """Refuse names of output columns that are one another's, or those of columns that the DataFrame has."""
    names = list(names)
    exact = by_case(df.sparkSession)
    keys = [name if exact else name.lower() for name in names]
    if twice := [name for name, key in zip(names, keys, strict=True) if Counter(keys)[key] > 1]:
        raise DataError(f"transform: the output columns need different names, found {twice}{_hint(twice)}")
    there = {name if exact else name.lower(): name for name in df.columns}
    for name, key in zip(names, keys, strict=True):
        if key in there:
            raise DataError(
                f"transform: the column {there[key]!r} exists already, found {name!r} for an output; drop it, or set "
                f"another output column{_hint([name, there[key]])}"
            )


def new_name(df: DataFrame, wish: str) -> str:
    """A name that no column has, whatever the case."""
    there = {name.lower() for name in df.columns}
    while wish.lower() in there:
        wish += "_"
    return wish


def check_frame(what: object, method: str) -> None:
    """Refuse what is no DataFrame of Spark's."""
    if isinstance(what, DataFrame):
        return
    kind = f"{type(what).__module__.partition('.')[0]}.{type(what).__name__}".removeprefix("builtins.")
    hint = "; spark.createDataFrame(...) makes one of it" if kind == "pandas.DataFrame" else ""
    raise DataError(f"{method}: expected a DataFrame of Spark's, found {kind}{hint}")


def check_at_rest(df: DataFrame) -> None:
    """Refuse to fit on a stream."""
    if df.isStreaming:
        raise DataError(
            "fit: the DataFrame is a stream, which has no end; fit on a table, and score streams with the model's transform"
        )
