"""One step: what it allocates, and layers that sum over ranks."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import Any, ClassVar

import numpy as np
import pytest

from spark_deepnet.data.sampler import Epoch
from spark_deepnet.data.schema import Target
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.kernels.jit import JIT
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Arrays, Call, Layer
from spark_deepnet.layers.output import Output
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.data.shards import read_shard
from tests.train.fits import CLASSES, N, Rows, fit, plan_of

ROWS = Rows.drawn()


@pytest.mark.skipif(not JIT, reason="plain Python allocates where kernels do not")
@pytest.mark.parametrize(
    ("optimizer", "outputs"), [("sgd", 1), ("adam", 1), ("lamb", 1), ("adam", 2)], ids=lambda v: str(v)
)
def test_a_step_allocates_nothing_large(optimizer: str, outputs: int) -> None:
    trunk = (Dense(400, activation="relu", name="trunk"), {"kind": "dropout", "rate": 0.2, "name": "dropped"})
    tops = (Dense(CLASSES), Output(), Dense(CLASSES, inputs=("dropped",)), Output(weight=0.5))
    layers = (*trunk, *(tops if outputs == 2 else tops[:1]))
    targets = (Target("y", classes=CLASSES), Target("y", classes=CLASSES, column="label 1"))[:outputs]
    plan = plan_of(layers=layers, optimizer=optimizer, l2=0.01, clip_norm=1.0, columns={"targets": targets})
    rows = Rows.drawn(2000)
    shard = read_shard([rows.frame().assign(**{"label 1": rows.y})], plan.columns)
    recipe = plan.recipe
    state = State.initial(recipe.scores_net().layout, recipe.optimizer, 1, False)
    (channel,) = memory_channels(1, 1.0)
    stepper = Stepper(recipe, state, 128, AllReduce(channel), AllReduce(channel, np.float64), Meter())
    epoch = Epoch(shard.train, 2000, 125, 1, 0, 0, 1)

    def step(i: int) -> None:
        stepper.step(*epoch.rows(i), np.full(outputs, 1 / 125), 0.1, False)

    step(0)
    tracemalloc.start()
    for i in range(1, 4):
        step(i)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 10


class Centred(Layer):
    """y = x - its mean over the batch, of all ranks; it joins no family, so it bears a name."""

    kind: ClassVar[str] = "centred"
    needs_all_reduce: ClassVar[bool] = True
    reads: ClassVar[str] = ""

    @staticmethod
    def centred(x: np.ndarray, call: Call) -> np.ndarray:
        sums = np.append(x.sum(0, dtype=np.float64), len(x))
        call.total(sums)
        return (x - sums[:-1] / sums[-1]).astype(x.dtype)

    def forward(self, w: Arrays, x: Any, y: np.ndarray, call: Call) -> None:
        y[...] = self.centred(x, call) if call.training else x

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        dx[...] = self.centred(dy, call)


@pytest.mark.parametrize("deal", [(30, 30), (0, 60), (10, 0, 50)], ids=str)
def test_layers_that_sum_over_ranks_pass_on_those_without_rows_too(deal: tuple[int, ...]) -> None:
    plan = plan_of(layers=(Dense(5), Centred(name="centred"), "tanh", Dense(CLASSES)), learning_rate=0.2)
    alone, found = fit(plan, ROWS.dealt(N)), fit(plan, ROWS.dealt(*deal))
    np.testing.assert_allclose(found.weights, alone.weights, rtol=1e-5, atol=1e-6)


def test_a_stepper_that_nobody_holds_is_gone_without_a_collection() -> None:
    """Its arrays are as large as the weights: those of the warm-up must be free before training takes its own."""
    plan = plan_of(optimizer="adam")
    recipe = plan.recipe
    state = State.initial(recipe.scores_net().layout, recipe.optimizer, 1, False)
    stepper = Stepper(recipe, state, 8, Call.total, Call.total, Meter())
    epoch = Epoch(read_shard([ROWS.frame()], plan.columns).train, N, 8, 1, 0, 0, 1)
    stepper.step(*epoch.rows(0), np.ones(1), 0.0, False)
    gc.disable()
    try:
        gradients = weakref.ref(stepper.gradients)
        del stepper
        assert gradients() is None
    finally:
        gc.enable()
