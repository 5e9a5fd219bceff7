"""What a fit does where batchSize, maxIter and regParam are unset: all follow from the number of training rows
(docs/defaults.md has the experiments)."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log2

from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.plan.plan import Recipe

BATCH_SIZE, EPOCHS, L2 = "batch_size", "epochs", "l2"
MIN_STEPS, MIN_EPOCHS = 2000, 10
"""A fit has as many steps, and as many epochs, at the most: it ends before where the loss no longer improves."""
PLATEAU_STEPS = 500
"""Before which no loss counts as one that no longer improves."""
PATIENCE_STEPS = 200
"""Of a loss that does not improve."""
MIN_IMPROVEMENT = 1e-3
"""Of the first epoch's loss."""
FULL_BATCH_ITERATIONS = 200
"""Of an optimizer that steps over all rows at once, which mostly ends before."""
STABLE = 0.7
"""The fraction of a fit before the decay of its learning rate."""
PRIOR_ROWS = {"classification": 4.0, "multilabel": 4.0, "regression": 24.0}
"""regParam times the rows, by the first output's task; of a regression whose targets are not standardized it is 0."""


def batch_for(rows: int) -> int:
    """32 to 128 rows, about a 25th of all; of large tables up to 512, about a 250th. A power of two."""
    small, large = (2 ** round(log2(max(1.0, rows / parts))) for parts in (25, 250))
    return max(32, min(128, small), min(512, large))


def resolved(recipe: Recipe, rows: int) -> Recipe:
    """The recipe for this number of training rows of all ranks."""
    if not recipe.automatic:
        return recipe
    batch = batch_for(rows) if BATCH_SIZE in recipe.automatic else recipe.batch_size
    l2 = _prior(recipe) / rows if L2 in recipe.automatic else recipe.l2
    made = replace(recipe, batch_size=batch, l2=l2)
    if EPOCHS in recipe.automatic:
        if recipe.optimizer.full_batch:
            return replace(made, epochs=FULL_BATCH_ITERATIONS)
        return replace(made, epochs=max(MIN_EPOCHS, ceil(MIN_STEPS / max(1, ceil(rows / batch)))))
    return made


def _prior(recipe: Recipe) -> float:
    task = recipe.heads()[0].loss.task
    plain = task == "regression" and not isinstance(recipe.scores_net().tops[0].layer, Normalization)
    return 0.0 if plain else PRIOR_ROWS[task]
