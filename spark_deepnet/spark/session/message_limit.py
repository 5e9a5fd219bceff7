"""The bytes that one message to a server of Spark Connect may have."""

from __future__ import annotations

from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError
from spark_deepnet.spark.session.dialect import dialect_of


def check_message(spark: SparkSession, size: int, what: str, instead: str) -> None:
    """ClusterError where a session cannot send this many bytes at once. what: the beginning of the sentence, up to the
    verb and how it goes; instead: what would do."""
    limit = dialect_of(spark).max_function_bytes
    if limit is not None and size > limit:
        raise ClusterError(
            f"{what}, over Spark Connect at most {limit >> 20} MiB, found {size / (1 << 20):.4g} MiB; {instead}"
        )
