"""The laws that every metric obeys, over the table of metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.metrics import auc
from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.metrics.r2 import R2
from tests.cases.metrics import MISFITS, ROWS, WRONG, Row

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.metric!r}-{r.task}-{r.units}")


def some(rows: ScoredRows, index: Any) -> ScoredRows:
    parts = {name: getattr(rows, name)[index] for name in ("scores", "linked", "targets", "weights")}
    return replace(rows, **parts)


def test_every_kind_has_a_row() -> None:
    assert {row.metric.kind for row in ROWS} == set(Metric.names())


@every_row
def test_the_value_is_the_references(row: Row) -> None:
    rows = row.draw(60)
    assert row.metric.value(row.metric.part(rows)) == pytest.approx(row.reference(rows), rel=1e-12)
    assert row.metric.misfit(row.task, row.units, "link") is None


@every_row
@pytest.mark.parametrize("ends", [[60], [1, 2, 31, 60], [0, 40, 40, 60]])
def test_parts_add_up_to_the_whole(row: Row, ends: list[int]) -> None:
    rows = row.draw(60, seed=1)
    parts = [row.metric.part(some(rows, slice(a, b))) for a, b in zip([0, *ends], ends, strict=False)]
    merged = row.metric.merged([row.metric.merged(parts[:2]), *parts[2:]])
    assert row.metric.value(merged) == pytest.approx(row.reference(rows), rel=1e-11)


@every_row
def test_a_weight_of_three_is_three_rows(row: Row) -> None:
    rows = row.draw(20, seed=2)
    thrice = row.metric.part(some(rows, np.repeat(np.arange(20), 3)))
    assert row.metric.value(row.metric.part(replace(rows, weights=3 * rows.weights))) == pytest.approx(
        row.metric.value(thrice), rel=1e-12
    )


@every_row
def test_no_rows_have_no_value(row: Row) -> None:
    assert np.isnan(row.metric.value(row.metric.part(row.draw(0))))


@every_row
def test_better_answers_have_a_better_value(row: Row) -> None:
    rows = row.draw(200, seed=3)
    if row.task == "regression":
        best = replace(rows, linked=rows.targets)
    elif rows.scores.shape[1] == 1:
        best = replace(rows, scores=2.0 * rows.labels[:, None] - 1, linked=0.98 * rows.labels[:, None] + 0.01)
    else:
        best = replace(rows, scores=2.0 * rows.truth - 1, linked=0.9 * rows.truth + 0.01)
    values = [row.metric.value(row.metric.part(each)) for each in (rows, best)]
    assert values[1] > values[0] if row.metric.higher else values[1] < values[0]


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_wrong_fields_are_answered_in_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        make()


@pytest.mark.parametrize(("metric", "loss", "needs"), MISFITS)
def test_what_a_metric_needs_is_said(metric: Metric, loss: tuple[str, int, str | None], needs: str) -> None:
    assert needs in (metric.misfit(*loss) or "")


def test_targets_around_a_large_mean_keep_their_digits() -> None:
    row = next(row for row in ROWS if isinstance(row.metric, R2))
    rows = row.draw(300)
    far = replace(rows, targets=rows.targets + 1e9, linked=rows.linked + 1e9)
    parts = [row.metric.part(some(far, slice(k, k + 30))) for k in range(0, 300, 30)]
    assert row.metric.value(row.metric.merged(parts)) == pytest.approx(row.reference(rows), rel=1e-6)


def test_very_many_scores_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auc, "MAX_SCORES", 1000)
    row = next(row for row in ROWS if isinstance(row.metric, auc.AUC) and row.units == 1)
    rows = row.draw(5000)
    spread = replace(rows, scores=rows.scores + np.random.default_rng(4).normal(size=rows.scores.shape))
    assert row.metric.value(row.metric.part(spread)) == pytest.approx(row.reference(spread), abs=1e-3)
    assert len(np.unique(spread.scores)) > 1000
    assert len(row.metric.part(spread)) <= 1000
