"""Weights that stay on storage: more than the driver should hold, written by the ranks that hold their blocks."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import ParamError, SizeError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.spark.session.paths import literal

SCHEMA = "name string, block int, part int, shape array<int>, data binary, sha256 string"
"""Of saved weights: a block's piece of the array ``name`` has this shape, and its bytes lie in parts of 4 MiB."""
DRIVER_WEIGHTS = 64 << 20
"""Bytes of weights in blocks that are brought to the driver; more stay where the ranks write them."""
_ROWS_OF_MEGABYTES = {
    "compression": "none",
    "parquet.enable.dictionary": "false",
    "parquet.block.size": str(16 << 20),
    "parquet.page.size.row.check.min": "1",
    "parquet.page.size.row.check.max": "1",
}
"""Parquet looks at a row group's size after 100 rows, then when it estimates by those that it is near, and Spark reads a
row group into one batch: of rows of 4 MiB after small ones that was 250 MB, which no executor of 1 GiB could read."""


@dataclass(frozen=True)
class Stored:
    """The weights of a network in blocks, as Parquet of SCHEMA under a path."""

    path: str
    blocks: int

    def frame(self, spark: SparkSession) -> DataFrame:
        return spark.read.schema(SCHEMA).parquet(literal(self.path))

    def too_large(self, architecture: Architecture, what: str) -> SizeError:
        """The answer to who wants them on the driver."""
        return SizeError(
            f"{what}: this model's {nbytes(architecture) >> 20} MiB of weights stay on storage, as all in blocks above "
            f"{DRIVER_WEIGHTS >> 20} MiB do; read the arrays that you want by name from the Parquet files of {self.path!r}, "
            f"and score with transform"
        )


def write_chunks(frame: DataFrame, path: str, mode: str = "error") -> None:
    """Rows of some megabytes as Parquet, by whichever executors hold them."""
    frame.write.options(**_ROWS_OF_MEGABYTES).mode(mode).parquet(path)


def nbytes(architecture: Architecture) -> int:
    """Of a network's weights."""
    return 4 * architecture.scores_net().layout.count


def is_stored(architecture: Architecture, blocks: int) -> bool:
    """Whether weights in so many blocks stay on storage."""
    return blocks > 1 and nbytes(architecture) > DRIVER_WEIGHTS


def check_fit(plan: TrainPlan, no_checkpoint_dir: bool) -> None:
    """Refuse a fit whose weights have no place to stay, or would be whole on every worker before the first step."""
    if refused := refusal(plan.recipe, plan.blocks, no_checkpoint_dir):
        raise refused


def refusal(recipe: Recipe, blocks: int, no_checkpoint_dir: bool) -> ParamError | None:
    """The answer to weights in so many blocks that cannot stay on storage; no_checkpoint_dir: no folder is set."""
    if not is_stored(recipe.architecture, blocks):
        return None
    for slot in recipe.block_net(0, blocks).layout.slots:
        part, start = slot.weight.part, slot.weight.initializer
        if part is not None and not isinstance(start, Counted) and 4 * prod(part.shape) > DRIVER_WEIGHTS:
            return ParamError(
                f"layers: {slot.name!r} starts by {start!r}, for which every worker would make all of its "
                f"{4 * prod(part.shape) >> 20} MiB; give it another start, such as 'glorot_uniform'"
            )
    if no_checkpoint_dir:
        return ParamError(
            f"checkpointDir: the {nbytes(recipe.architecture) >> 20} MiB of weights in {blocks} blocks stay on "
            f"storage, as all above {DRIVER_WEIGHTS >> 20} MiB do, but no folder is set; set one that all executors reach"
        )
    return None
