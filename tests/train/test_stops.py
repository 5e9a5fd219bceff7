"""Jobs that end so that callbacks are heard, and a fit that one of them stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.net.chunks import arrays_of
from spark_deepnet.net.pieces import assembled
from spark_deepnet.train.messages import StateChunk, WeightsChunk
from spark_deepnet.train.state import clock_of
from tests.train.fits import N, Rows, fit, messages_of, plan_of, run_ranks, scattered

ROWS = Rows.drawn()


@pytest.mark.parametrize(("checkpoints", "reports", "jobs"), [(0, 1, 5), (0, 2, 3), (3, 2, 4), (4, 0, 2)])
def test_jobs_end_after_so_many_epochs(checkpoints: int, reports: int, jobs: int) -> None:
    plan = replace(plan_of(weighted=True), checkpoint_every=checkpoints, report_every=reports)
    cut, whole = fit(plan, ROWS.dealt(30, 30)), fit(plan_of(weighted=True), ROWS.dealt(30, 30))
    assert (cut.jobs, len(cut.history)) == (jobs, 5)
    np.testing.assert_array_equal(cut.weights, whole.weights)


@pytest.mark.parametrize("recipe", [{}, {"validated": True}, {"sync_every": 2, "sync_state": "keep", "batch_size": 5}])
def test_a_fit_that_is_stopped_has_the_weights_that_it_had(recipe: dict[str, Any]) -> None:
    """As a fit of that many epochs."""
    plan, dealt = plan_of(weighted=True, **recipe), ROWS.dealt(30, 30)
    rows = pd.concat(run_ranks(replace(plan, report_every=2), dealt), ignore_index=True)
    chunks = rows[rows.kind == StateChunk.kind]
    frames = [[*own, part] for own, part in zip(dealt, scattered(chunks, 2), strict=True)]
    last = pd.concat(run_ranks(replace(plan, state_chunks=len(chunks), stops=True), frames), ignore_index=True)
    messages = messages_of(last)
    clock = clock_of(messages)
    assert (clock["finished"], len(clock["history"])) == (True, 2)
    weights = assembled(plan.recipe.scores_net(), [arrays_of(m.chunk for m in messages if isinstance(m, WeightsChunk))])
    whole = fit(plan_of(weighted=True, **recipe, epochs=2), dealt)
    np.testing.assert_array_equal(weights, whole.weights)
    assert len(ROWS) == N
