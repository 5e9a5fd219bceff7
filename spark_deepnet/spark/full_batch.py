"""What an optimizer that steps over all rows at once cannot do, refused before any job."""

from __future__ import annotations

from spark_deepnet.errors import ParamError
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.spark.params.deepnet_params import DeepNetParams


def check_full_batch(recipe: Recipe, params: DeepNetParams) -> None:
    """Raise a ParamError for a Param, or a layer, that means nothing to such an optimizer."""
    if not recipe.optimizer.full_batch:
        return
    solver = recipe.optimizer.kind
    _check_params(solver, recipe, params)
    for node in recipe.scores_net().nodes:
        what = "draws random numbers in training" if node.layer.is_random else "computes with the statistics of a batch"
        if node.layer.is_random or node.layer.needs_all_reduce:
            raise ParamError(
                f"solver: {solver} needs a loss that is the same whenever it is computed, but layer {node.name!r} {what}; "
                f"leave the layer out, or choose another solver, such as adam"
            )
    for slot in recipe.scores_net().layout.slots:
        if slot.weight.moves and slot.weight.rate != 1:
            raise ParamError(
                f"solver: {solver} has no learning rate, but {slot.name!r} has a factor of it, {slot.weight.rate:g}; set it "
                f"to 1, or to 0 to freeze the weight, or choose another solver, such as adam"
            )


def _check_params(solver: str, recipe: Recipe, params: DeepNetParams) -> None:
    length = "finds the length of its steps by itself"
    whole = "makes each step with the exact gradients of all rows"
    wrong = {
        "learningRate": (params.isSet(params.learningRate), length),
        "schedule": (params.getSchedule() != "auto", length),
        "clipNorm": (recipe.clip_norm > 0, length),
        "clipValue": (recipe.clip_value > 0, length),
        "elasticNetParam": (recipe.l1 > 0, "needs a smooth loss, which an L1 penalty is not"),
        "syncEvery": (recipe.sync_every != 1, whole),
        "compression": (recipe.compression is not None, whole),
        "overlap": (recipe.overlap, "exchanges gradients once for a pass over the rows"),
        "modelBlocks": (params.getModelBlocks() != 1, "is for networks that fit one worker"),
    }
    for name, (is_wrong, why) in wrong.items():
        if is_wrong:
            raise ParamError(f"{name}: the solver {solver} {why}; leave it unset, or choose another, such as adam")
