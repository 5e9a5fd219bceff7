"""The benchmarks' modules: what they offer, and that the plans that are timed fit their rows."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

import pytest

from tests import benchmarks
from tests.benchmarks import blocks_rows, plan_rows
from tests.benchmarks.fits import BATCH, Network
from tests.data.shards import read_shard

MODULES = sorted(m.name for m in iter_modules(benchmarks.__path__) if m.name.endswith("_rows"))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_rows(name: str) -> None:
    module = import_module(f"{benchmarks.__name__}.{name}")
    assert callable(getattr(module, "rows", None)) or all(map(callable, module.BENCHES.values()))


@pytest.mark.parametrize(
    "network", [*plan_rows.NETWORKS.values(), *blocks_rows.NETWORKS.values()], ids=lambda n: n.shape
)
@pytest.mark.parametrize(("workers", "tau", "blocks"), [(1, 1, 1), (2, 1, 1), (2, 10, 1), (2, 1, 2), (4, 3, 2)])
def test_a_fit_that_is_timed_reads_its_rows(network: Network, workers: int, tau: int, blocks: int) -> None:
    network = replace(network, steps=2)
    plan = network.plan(workers, tau, blocks)
    shards = [read_shard(network.frames(plan, number), plan.columns) for number in range(workers)]
    a_step = BATCH * (plan.grid.replicas if tau > 1 else 1)
    assert sum(len(shard.train) for shard in shards) == network.steps * a_step
    assert plan.recipe.scores_net().inputs["features"] == plan.columns.sources[0].shape
