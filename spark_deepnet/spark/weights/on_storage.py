"""Weights on storage, as Parquet: those that ranks write because they are too large for the driver, and saved ones."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import SizeError
from spark_deepnet.plan import storage
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.storage import nbytes
from spark_deepnet.spark.session.paths import literal

SCHEMA = "name string, block int, part int, shape array<int>, data binary, sha256 string"
"""Columns of saved weights: a block's piece of the array ``name`` has this shape, and its bytes are in parts of 4 MiB."""
_LARGE_ROW_OPTIONS = {
    "compression": "none",
    "parquet.enable.dictionary": "false",
    "parquet.block.size": str(16 << 20),
    "parquet.page.size.row.check.min": "1",
    "parquet.page.size.row.check.max": "1",
}
"""By default Parquet checks a row group's size after 100 rows and then when it expects to be near the limit, and Spark reads
a row group into one batch: rows of 4 MiB after small ones made 250 MB, too much for an executor of 1 GiB."""


@dataclass(frozen=True)
class Stored:
    """A network's weights in blocks, as Parquet of SCHEMA under a path."""

    path: str
    blocks: int

    def frame(self, spark: SparkSession) -> DataFrame:
        return spark.read.schema(SCHEMA).parquet(literal(self.path))

    def too_large(self, architecture: Architecture, what: str) -> SizeError:
        """The error for a caller that needs them on the driver."""
        return SizeError(
            f"{what}: this model's {nbytes(architecture) >> 20} MiB of weights stay on storage, as weights in blocks above "
            f"{storage.DRIVER_WEIGHTS >> 20} MiB do; read arrays by name from the Parquet files under {self.path!r}, and "
            f"score with transform"
        )


def write_chunks(frame: DataFrame, path: str, mode: str = "error") -> None:
    """Write rows of some megabytes as Parquet."""
    frame.write.options(**_LARGE_ROW_OPTIONS).mode(mode).parquet(path)
