"""Fits whose rows do not fit in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import DataError
from spark_deepnet.train import round as rounds
from spark_deepnet.train.messages import raise_worker_error
from spark_deepnet.train.round import EVALUATE, STEP, Round
from tests.train.fits import Rows, fit, messages_of, plan_of, run_ranks

ROWS = Rows.drawn(300)
DEEP = (
    {"kind": "dense", "units": 8, "activation": "relu"},
    {"kind": "dropout", "rate": 0.2},
    {"kind": "dense", "units": 3},
)
LIMIT = 2000  # bytes; a row takes 41
told: dict[str, Any] = {"weighted": True, "validated": True, "optimizer": "adam", "learning_rate": 0.01, "epochs": 2}


@pytest.mark.parametrize("deal", [(300,), (100, 200), (150, 0, 150)], ids=str)
def test_with_all_rows_in_a_step_the_order_does_not_matter(deal: tuple[int, ...]) -> None:
    plan = plan_of(**told)
    held, spilled = fit(plan, ROWS.dealt(*deal)), fit(replace(plan, row_memory=LIMIT), ROWS.dealt(*deal))
    np.testing.assert_allclose(spilled.weights, held.weights, rtol=1e-4, atol=1e-6)
    assert {m["spilledBytes"] > 0 for m in held.measures} == {False}
    assert [m["spilledBytes"] > 0 for m in spilled.measures] == [n > 0 for n in deal]
    assert [m["ownRows"] for m in spilled.measures] == list(deal)


def test_in_another_order_rows_teach_as_much() -> None:
    plan = plan_of(batch_size=16, **told | {"epochs": 10})
    held, spilled = fit(plan, ROWS.dealt(150, 150)), fit(replace(plan, row_memory=LIMIT), ROWS.dealt(150, 150))
    assert spilled.losses() != held.losses()
    assert spilled.losses()[-1] == pytest.approx(held.losses()[-1], rel=0.05)


@pytest.mark.parametrize("more", [{}, {"sync_every": 3}, {"blocks": 2}], ids=str)
def test_cut_into_jobs_and_delivered_anew_the_weights_are_the_same(more: dict[str, int]) -> None:
    plan = plan_of(DEEP, batch_size=16, **told, **{k: v for k, v in more.items() if k == "sync_every"})
    plan = replace(plan, row_memory=LIMIT, blocks=more.get("blocks", 1))
    dealt = ROWS.dealt(150, 150)
    other = [frames[::-1] for frames in dealt]
    whole, cut_up = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), other)
    assert cut_up.jobs > 5
    np.testing.assert_array_equal(cut_up.weights, whole.weights)


@pytest.mark.parametrize("blocks", [1, 2])
def test_every_rank_tells_of_the_disk_that_is_full(
    blocks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though one rank alone has so many rows that it spills some."""
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    monkeypatch.setattr("spark_deepnet.data.spill.row_store.File", full)
    plan = replace(plan_of(**told), row_memory=LIMIT, blocks=blocks)
    for frame in run_ranks(plan, ROWS.dealt(20, 280)):
        with pytest.raises(DataError) as raised:
            raise_worker_error(messages_of(frame))
        assert "fit: 1 MiB of a worker's rows cannot be spilled" in str(raised.value)
        assert f"{tmp_path} on " in str(raised.value)
        assert "No space left on device" in str(raised.value)
        assert "maxMemoryInMB" in str(raised.value)


@pytest.mark.parametrize("task", [STEP, EVALUATE])
def test_a_disk_that_fills_between_rounds_is_told(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round reads its rows anew."""
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    monkeypatch.setattr("spark_deepnet.data.spill.row_store.File", full)
    (frames,) = ROWS.dealt(300)
    (frame,) = rounds.run(replace(plan_of(**told), row_memory=LIMIT), Round(task), frames, 0)
    with pytest.raises(DataError, match=r"rows cannot be spilled.* No space left on device"):
        raise_worker_error(messages_of(frame))


def full(folder: str) -> Any:
    raise OSError(28, "No space left on device")
