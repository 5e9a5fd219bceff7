"""What the census says of rows whose numbers are far from 1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.schema import Columns, Target
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.scale_notes import notes
from tests.train.fits import plan_of


def plan_with(**target: Any) -> TrainPlan:
    plan = plan_of()
    return replace(plan, columns=Columns(plan.columns.sources, (Target("y", **target),)))


def part_of(size: float) -> dict[str, Any]:
    (source,) = plan_of().columns.sources
    return {"scales": {"inputs": {source.input: {"column": 1, "size": size, "columns": 3}}, "targets": {}}}


@pytest.mark.parametrize(("size", "told"), [(1.0, 0), (255.0, 0), (1e6, 1), (1e-6, 1), (0.0, 0), (np.nan, 0)])
def test_features_far_from_1_are_told(size: float, told: int) -> None:
    found = notes([part_of(1.0 if size > 1 else 0.0), part_of(size)], plan_with(classes=3))
    assert len(found) == told
    assert all("number 1 from 0" in note and "StandardScaler" in note for note in found)


def test_parts_without_scales_say_nothing() -> None:
    assert notes([{}], plan_with(classes=3)) == ()
