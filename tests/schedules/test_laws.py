"""The laws that every schedule obeys, over the table of schedules."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
import pytest

import spark_deepnet.schedules
from spark_deepnet.errors import ParamError
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.schedules.step import Step
from spark_deepnet.schedules.warmup import Warmup
from tests.cases.schedules import END, ROWS, WRONG, Row

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda r: repr(r.schedule))
every_twin = pytest.mark.parametrize("row", [r for r in ROWS if r.twin], ids=lambda r: repr(r.schedule))
ALONE = [row for row in ROWS if not isinstance(row.schedule, Warmup)]  # what follows a warm-up keeps its own clock
TIMES = [0.0, 0.25, 1.0, 1.99, 2.0, 3.0, 3.01, 4.0, 5.5, 6.5, 7.0, 9.0, 9.99, END]


def test_every_kind_has_a_row() -> None:
    assert {row.schedule.kind for row in ROWS} == set(Schedule.names())


@every_row
@pytest.mark.parametrize("t", TIMES)
def test_the_factor_is_the_formulas(row: Row, t: float) -> None:
    np.testing.assert_allclose(row.schedule.factor(t, END), row.reference(t), rtol=1e-12, atol=1e-15)


@every_twin
def test_pytorch_says_the_same(row: Row) -> None:
    torch = pytest.importorskip("torch", reason="torch is absent: pip install torch to compare with it")
    assert row.twin
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = row.twin(torch.optim.lr_scheduler, optimizer)
    for t in range(int(END)):
        np.testing.assert_allclose(row.schedule.factor(t, END), theirs.get_last_lr()[0], rtol=1e-9)
        optimizer.step()
        theirs.step()


@every_row
def test_a_clock_of_epochs_counts_passes(row: Row) -> None:
    rows = 640
    for t in TIMES:
        rate = row.schedule.rate(0.5, round(t * rows), rows, END)
        np.testing.assert_allclose(rate, 0.5 * row.schedule.factor(round(t * rows) / rows, END), rtol=1e-12)


@pytest.mark.parametrize("row", ALONE, ids=lambda r: repr(r.schedule))
def test_a_clock_of_rows_counts_rows(row: Row) -> None:
    schedule = replace(row.schedule, unit="rows")
    for t in (0, 1, 3, 7, 10):
        np.testing.assert_allclose(schedule.rate(2.0, t, 5, 2.0), 2 * row.reference(t), rtol=1e-12, atol=1e-15)


@every_row
def test_the_factor_is_finite_and_not_negative(row: Row) -> None:
    for end in (END, 1.0, 1e6):
        for t in np.linspace(0, end, 57):
            factor = row.schedule.factor(float(t), end)
            assert isinstance(factor, float)
            assert isfinite(factor)
            assert factor >= 0


@every_row
def test_the_clock_may_run_past_the_end(row: Row) -> None:
    for t, end in ((END + 1e-9, END), (END + 5, END), (0.0, 0.0)):
        factor = row.schedule.factor(t, end)
        assert isfinite(factor)
        assert factor >= 0


@every_row
@pytest.mark.parametrize("unit", ["epochs", "rows"])
def test_json_and_print_there_and_back(row: Row, unit: str) -> None:
    schedule = replace(row.schedule, unit=unit)
    assert Schedule.of(json.loads(json.dumps(schedule.to_json()))) == schedule
    names = {Schedule.named(kind).__name__: Schedule.named(kind) for kind in Schedule.names()}
    assert eval(repr(schedule), names) == schedule


@pytest.mark.parametrize(("make", "sentence"), WRONG)
def test_wrong_fields_are_answered_in_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        make()


def test_what_follows_a_warm_up_keeps_its_own_clock() -> None:
    schedule = Warmup(100.0, Step(2.0), unit="rows")
    rates = [schedule.rate(1.0, seen, 80, 10.0) for seen in (0, 50, 99, 100, 159, 160, 320)]
    np.testing.assert_allclose(rates, [0, 0.5, 0.99, 1, 1, 0.1, 0.01])


def test_a_warm_up_takes_its_follower_as_json() -> None:
    spec = {"kind": "warmup", "length": 2, "then": {"kind": "schedules.step.v1", "every": 3.0}}
    assert Schedule.of(spec) == Warmup(2, Step(3.0))


def test_classes_are_found_in_the_package() -> None:
    assert spark_deepnet.schedules.OneCycle is Schedule.named("one_cycle")
