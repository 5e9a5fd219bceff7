"""Weights that stay on storage because they are too large for the driver: ranks write the blocks that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import ParamError, SizeError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.net.cut import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.spark.session.paths import literal

SCHEMA = "name string, block int, part int, shape array<int>, data binary, sha256 string"
"""Columns of saved weights: a block's piece of the array ``name`` has this shape, and its bytes are in parts of 4 MiB."""
DRIVER_WEIGHTS = 64 << 20
"""Maximum bytes of weights in blocks that are brought to the driver; larger ones stay where ranks write them."""
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
            f"{what}: this model's {nbytes(architecture) >> 20} MiB of weights stay on storage, as weights in blocks "
            f"above {DRIVER_WEIGHTS >> 20} MiB do; read arrays by name from the Parquet files under {self.path!r}, and "
            f"score with transform"
        )


def write_chunks(frame: DataFrame, path: str, mode: str = "error") -> None:
    """Write rows of some megabytes as Parquet."""
    frame.write.options(**_LARGE_ROW_OPTIONS).mode(mode).parquet(path)


def nbytes(architecture: Architecture) -> int:
    """Bytes of a network's weights."""
    return 4 * Layout(architecture.scores_net()).count


def is_stored(architecture: Architecture, blocks: int) -> bool:
    """Whether weights in this many blocks stay on storage."""
    return blocks > 1 and nbytes(architecture) > DRIVER_WEIGHTS


def check_fit(plan: TrainPlan, no_checkpoint_dir: bool) -> None:
    """Refuse a fit whose weights have no folder to stay in, or would be whole on every worker before the first step."""
    if refused := refusal(plan.recipe, plan.blocks, no_checkpoint_dir):
        raise refused


def refusal(recipe: Recipe, blocks: int, no_checkpoint_dir: bool) -> ParamError | None:
    """The error for weights in blocks that would have to stay on storage but cannot; no_checkpoint_dir: no folder is set."""
    if not is_stored(recipe.architecture, blocks):
        return None
    for slot in Layout(cut(recipe.scores_net(), 0, blocks)).slots:
        part, initializer = slot.weight.part, slot.weight.initializer
        if part is not None and not isinstance(initializer, Counted) and 4 * prod(part.shape) > DRIVER_WEIGHTS:
            return ParamError(
                f"layers: {slot.name!r}: initializer {initializer!r} would materialise all "
                f"{4 * prod(part.shape) >> 20} MiB on every worker; choose another, such as 'glorot_uniform'"
            )
    if no_checkpoint_dir:
        return ParamError(
            f"checkpointDir: the {nbytes(recipe.architecture) >> 20} MiB of weights in {blocks} blocks stay on "
            f"storage, as all above {DRIVER_WEIGHTS >> 20} MiB do, but no folder is set; set one that "
            f"all executors can reach"
        )
    return None
