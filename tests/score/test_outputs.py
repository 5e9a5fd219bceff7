"""Networks with several outputs scored: each output's columns side by side, each by its own loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from spark_deepnet.data.schema import STEPS, Source
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.output import Output as Mark
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import BATCH_ROWS, ScorePlan, score
from tests.data.frames import arrays, sources

X = np.random.default_rng(0).normal(size=(BATCH_ROWS + 40, 3)).astype(np.float32)
(SOURCE,) = sources(3, "f")
TWO = (
    Dense(4, "tanh", name="trunk"),
    Dense(3, "softmax", name="kind"),
    Mark("softmax_cross_entropy"),
    Dense(1, name="age", inputs=("trunk",)),
    Mark("squared"),
)


def plan_of(layers: Any = TWO, invalid: str = "error", source: Source = SOURCE, **more: Any) -> ScorePlan:
    entries = (InputSpec(source.shape, steps=source.kind == STEPS),)
    made = Architecture(tuple(layer.to_json() for layer in layers), entries, "squared")
    weights = Layout(made.scores_net()).init_weights(3)
    outputs = tuple(Output.of(head.loss, head.units, head.steps, head.name) for head in made.heads())
    told: dict[str, Any] = {"thresholds": None} | more
    return ScorePlan(made, outputs, (source,), invalid, digest=repr(layers), weights=weights.tobytes(), **told)


def by_numpy(plan: ScorePlan, x: np.ndarray = X) -> tuple[np.ndarray, np.ndarray]:
    w = Layout(plan.architecture.scores_net()).named(np.frombuffer(plan.weights, np.float32))
    h = np.tanh(x @ w["trunk/W"] + w["trunk/b"])
    return h @ w["kind/W"] + w["kind/b"], h @ w["age/W"] + w["age/b"]


def test_each_output_has_its_columns() -> None:
    plan = plan_of()
    (found,) = score(plan, [arrays(list(X))])
    kinds, ages = by_numpy(plan)
    assert list(found) == ["valid", "raw", "probability", "prediction", "prediction1"]
    np.testing.assert_allclose(np.stack(found.raw), kinds, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.stack(found.probability), softmax(kinds, 1), rtol=1e-4)
    np.testing.assert_array_equal(found.prediction, kinds.argmax(1))
    np.testing.assert_allclose(found.prediction1, ages[:, 0], rtol=1e-4, atol=1e-5)


def test_thresholds_are_the_first_outputs() -> None:
    again = (*TWO, Dense(3, "softmax", name="other", inputs=("trunk",)), Mark("softmax_cross_entropy"))
    (found,) = score(plan_of(again, thresholds=(1.0, 0.0, 1.0)), [arrays(list(X))])
    assert set(found.prediction) == {1.0}
    np.testing.assert_array_equal(found.prediction2, np.stack(found.raw2).argmax(1))


@pytest.mark.parametrize("invalid", ["skip", "keep"])
def test_a_bad_row_is_bad_in_every_column(invalid: str) -> None:
    (found,) = score(plan_of(invalid=invalid), [arrays([X[0], None])])
    assert found.valid.tolist() == [True, False]
    for name in found.columns[1:]:
        assert [bool(np.isnan(np.asarray(v)).any()) for v in found[name]] == [False, True]


def test_no_rows_give_all_columns() -> None:
    (found,) = score(plan_of(), [arrays([])])
    assert (list(found), len(found)) == (["valid", "raw", "probability", "prediction", "prediction1"], 0)


def test_every_step_beside_the_row() -> None:
    layers = (
        Dense(4, "tanh", name="trunk"),
        Dense(2, "softmax", name="kind"),
        Mark("softmax_cross_entropy"),
        GlobalAveragePool1D(inputs=("trunk",)),
        Dense(1, name="age"),
        Mark("squared"),
    )
    plan = plan_of(layers, source=Source((4, 3), name="f", kind=STEPS))
    rows = [X[:2], X[:4], X[4:5]]
    (found,) = score(plan, [arrays([row.reshape(-1) for row in rows])])
    assert [len(steps) for steps in found.prediction] == [2, 4, 1]
    w = Layout(plan.architecture.scores_net()).named(np.frombuffer(plan.weights, np.float32))
    for row, steps, age in zip(rows, found.raw, found.prediction1, strict=True):
        h = np.tanh(row @ w["trunk/W"] + w["trunk/b"])
        np.testing.assert_allclose(np.stack(steps), h @ w["kind/W"] + w["kind/b"], rtol=1e-4, atol=1e-5)
        assert age == pytest.approx((h.mean(0) @ w["age/W"] + w["age/b"])[0], rel=1e-4)
