"""Which weights stay on storage because they are too large for the driver, and which fits cannot keep theirs there."""

from __future__ import annotations

from math import prod

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.plan import Recipe, TrainPlan

DRIVER_WEIGHTS = 64 << 20
"""Maximum bytes of weights in blocks that are brought to the driver; larger ones stay where ranks write them."""


def nbytes(architecture: Architecture) -> int:
    """Bytes of a network's weights."""
    return 4 * architecture.scores_net().layout.count


def is_stored(architecture: Architecture, blocks: int) -> bool:
    """Whether weights in this many blocks stay on storage."""
    return blocks > 1 and nbytes(architecture) > DRIVER_WEIGHTS


def check_storage(plan: TrainPlan, no_checkpoint_dir: bool) -> None:
    """Refuse a fit whose weights have no folder to stay in, or would be whole on every worker before the first step."""
    if error := storage_error(plan.recipe, plan.blocks, no_checkpoint_dir):
        raise error


def storage_error(recipe: Recipe, blocks: int, no_checkpoint_dir: bool) -> ParamError | None:
    """The error for weights in blocks that would have to stay on storage but cannot; no_checkpoint_dir: no folder is set."""
    if not is_stored(recipe.architecture, blocks):
        return None
    for slot in recipe.block_net(0, blocks).layout.slots:
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
