"""Where two fits differ, told by the names of Params."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from spark_deepnet.exchange.compressions import FP16, TopK
from spark_deepnet.plan.identity import difference, identity
from spark_deepnet.plan.plan import Recipe, TrainPlan
from tests.train.fits import plan_of

PLAN = plan_of(batch_size=16, optimizer={"kind": "momentum", "momentum": 0.7})


def changed(**values: Any) -> TrainPlan:
    return replace(PLAN, recipe=replace(PLAN.recipe, **values))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (changed(seed=8), ("seed", "7", "8")),
        (changed(batch_size=20), ("batchSize", "16", "20")),
        (changed(epochs=6), ("maxIter", "5", "6")),
        (changed(l2=0.1), ("regParam (L2)", "0.0", "0.1")),
        (changed(optimizer={"kind": "momentum", "momentum": 0.8}), ("solver.momentum", "0.7", "0.8")),
        (changed(compression=FP16()), ("compression", '"none"', '"fp16"')),
        (changed(validated=True), ("validationIndicatorCol", "false", "true")),
        (changed(max_steps=7), ("maxSteps", "null", "7")),
        (changed(ordered="n"), ("orderCol", "null", '"n"')),
        (changed(sync_momentum=0.5), ("syncMomentum", "null", "0.5")),
        (changed(sync_rate=0.7), ("syncRate", "null", "0.7")),
        (changed(class_weights=(1.0, 2.0, 3.0)), ("classWeights", "null", "[1.0, 2.0, 3.0]")),
        (changed(monitor="accuracy"), ("monitor", "null", '"accuracy"')),
        (changed(metrics=("r2",)), ("metrics", "null", "1 of them")),
        (replace(PLAN, initial="ab"), ("initialModel", "null", '"ab"')),
        (replace(PLAN, workers=3), ("numTrainWorkers", "1", "3")),
        (replace(PLAN, blocks=3), ("modelBlocks", "1", "3")),
        (plan_of(layers=({"kind": "dense", "units": 3},), batch_size=16), ("layers", "2 of them", "1 of them")),
    ],
)
def test_a_difference_is_named(other: TrainPlan, told: tuple[str, str, str]) -> None:
    assert difference(identity(PLAN, False), identity(other, False)) == told


def test_a_layer_is_named_by_its_place() -> None:
    layers = list(PLAN.recipe.architecture.layers)
    other = changed(architecture=replace(PLAN.recipe.architecture, layers=(replace(layers[0], units=9), layers[1])))
    assert difference(identity(PLAN, False), identity(other, False)) == ("layers[0].units", "5", "9")


def test_the_same_fit_does_not_differ() -> None:
    again = replace(PLAN, job="another", deadline=1.0, job_seconds=0.0, checkpoint_every=3)
    assert difference(identity(PLAN, False), identity(again, False)) is None
    assert difference(identity(PLAN, True), identity(PLAN, False)) == ("exchange", '"spark"', '"sockets"')


def test_the_ratio_of_a_compression_counts() -> None:
    found = [identity(changed(compression=how), False) for how in (TopK(0.1), TopK(0.05), TopK(0.01))]
    assert difference(found[0], found[1]) == ("compression (ratio)", "0.1", "0.05")
    assert found[2]["compression (ratio)"] == identity(PLAN, False)["compression (ratio)"] == 0.01


def test_every_field_of_a_recipe_counts() -> None:
    optional = {"max_steps": 1, "ordered": "n", "class_weights": (1.0, 2.0), "metrics": ("f1",), "monitor": "f1"}
    optional |= {"sync_momentum": 0.5, "sync_rate": 0.5}
    whole = changed(**optional, automatic=("epochs",))  # these are left out where they are unset
    assert len(identity(whole, False)) == len(fields(Recipe)) + 2 + 1 + 3, (
        "an architecture is three, a compression has a ratio; workers, blocks, exchange"
    )
