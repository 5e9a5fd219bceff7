"""The benchmarks' modules: what they offer, and that the plans that are timed fit their rows."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pytest

from spark_deepnet.rows.shard import read_shard
from tests import benchmarks
from tests.benchmarks import plan_rows

MODULES = sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name.endswith("_rows"))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_rows(name: str) -> None:
    module = import_module(f"{benchmarks.__name__}.{name}")
    assert callable(getattr(module, "rows", None)) or all(map(callable, module.BENCHES.values()))


@pytest.mark.parametrize(("network", "workers", "tau"), plan_rows.RUNS)
def test_a_plan_that_is_timed_reads_its_rows(network: str, workers: int, tau: int) -> None:
    plan = plan_rows.plan_of(network, workers, tau)
    shards = [read_shard(plan_rows.frames(plan, number), plan.columns) for number in range(workers)]
    steps = sum(len(shard.train) for shard in shards) / (plan_rows.BATCH * (workers if tau > 1 else 1))
    assert steps == plan_rows.STEPS
    assert plan.recipe.scores_net().inputs["features"] == plan.columns.sources[0].shape
