"""The benchmarks' modules: what they offer, and that the plans that are timed fit their rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from llvmlite.binding import get_host_cpu_features

from tests.benchmarks import blocks_rows, machine, mnist, plan_rows
from tests.benchmarks.__main__ import Failure, modules, names_of, rows_of, told
from tests.benchmarks.fits import BATCH, Network
from tests.benchmarks.harness import Row, Skipped, in_turns, paired_row, ratio_of, row
from tests.data.shards import read_shard

MODULES = {module.__name__.rpartition(".")[2]: module for module in modules()}
NAMES = [name for module in MODULES.values() for name in names_of(module)]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_rows(name: str) -> None:
    module = MODULES[name]
    assert callable(getattr(module, "rows", None)) or all(map(callable, module.BENCHES.values()))
    assert hasattr(module, "rows") == hasattr(module, "NAMES")
    assert names_of(module)


def test_the_name_of_a_row_selects_that_row_alone() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert [(name, other) for name in NAMES for other in NAMES if name != other and name in other] == []


def test_the_first_word_of_a_name_selects_its_group_alone() -> None:
    groups = {name.split()[0] for name in NAMES}
    assert {(g, name) for g in groups for name in NAMES if g in name and name.split()[0] != g} == set()


def module_of(**attributes: Any) -> ModuleType:
    module = ModuleType("some_rows")
    vars(module).update(attributes)
    return module


def test_only_the_rows_that_are_named_are_measured() -> None:
    called: list[str] = []

    def bench(name: str) -> Row:
        called.append(name)
        return row(name, "s", 1.0)

    benches = {name: partial(bench, name) for name in ("a one", "a two", "b")}
    measured = [made["name"] for made in rows_of(module_of(BENCHES=benches), "a ") if not isinstance(made, Failure)]
    assert called == measured == ["a one", "a two"]


def test_of_a_run_only_the_rows_that_are_named_are_taken() -> None:
    runs: list[int] = []

    def run() -> Iterator[Row]:
        runs.append(1)
        yield from (row("a", "s", 1.0), row("b", "s", 1.0))

    module = module_of(NAMES=["a", "b"], rows=run)
    assert list(rows_of(module, "c")) == runs == []
    (made,) = rows_of(module, "b")
    assert not isinstance(made, Failure)
    assert made["name"] == "b"


def test_a_row_that_needs_what_is_not_there_is_skipped_with_a_sentence() -> None:
    def bench() -> Row:
        raise Skipped("there is no such data")

    (failure,) = rows_of(module_of(BENCHES={"a": bench}), "")
    assert failure == Failure("a", "there is no such data", True)
    assert told(failure) == "skipped: a: there is no such data"


def test_a_run_that_breaks_off_names_the_rows_that_it_owes() -> None:
    def run() -> Iterator[Row]:
        yield row("a", "s", 1.0)
        raise ModuleNotFoundError("No module named 'torch'")

    *_, failure = rows_of(module_of(NAMES=["a", "b"], rows=run), "")
    assert failure == Failure("b", "ModuleNotFoundError: No module named 'torch'", False)


def test_sides_take_turns() -> None:
    called: list[str] = []
    times = in_turns((lambda: called.append("ours"), lambda: called.append("peer")), 3)
    assert called == 4 * ["ours", "peer"]
    assert [len(side) for side in times] == [3, 3]


def test_the_ratio_is_the_median_of_the_turns_and_spreads_between_their_quartiles() -> None:
    made = paired_row("a", "ms", [1.0, 2.0, 3.0, 4.0, 5.0], [2.0] * 5, "peer", 1.6, 1e3)
    assert (made["ours"], made["peer"], made["ratio"]) == (3000, 2000, 1.5)
    assert made["spread"] == pytest.approx((2.0 - 1.0) / 1.5)
    assert made["noisy"]
    assert made["verdict"] == "met, noisy"


def test_a_machine_that_slows_both_sides_makes_no_noise() -> None:
    slowed = [1.0, 1.1, 3.0, 2.0, 1.3]
    made = paired_row("a", "ms", [0.9 * s for s in slowed], slowed, "peer", 0.8)
    assert made["ratio"] == pytest.approx(0.9)
    assert made["spread"] == pytest.approx(0, abs=1e-12)
    assert made["verdict"] == "missed"


def test_many_turns_are_compared_in_groups() -> None:
    """A call in ten that is interrupted changes neither the ratio nor its spread."""
    ours = [10.0 if k % 10 == 3 else 1.0 for k in range(1000)]
    assert ratio_of(ours, [2.0] * 1000) == (0.5, 0.0)


def test_mnist_is_found_above_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MNIST", raising=False)
    monkeypatch.setattr(mnist, "__file__", str(tmp_path / "some" / "where" / "tests" / "benchmarks" / "mnist.py"))
    with pytest.raises(Skipped, match="MNIST is not found"):
        mnist.mnist_folder()
    (tmp_path / mnist.PLACE).mkdir(parents=True)
    assert mnist.mnist_folder() == tmp_path / mnist.PLACE


def test_mnist_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNIST", str(tmp_path))
    assert mnist.mnist_folder() == tmp_path
    monkeypatch.setenv("MNIST", str(tmp_path / "no"))
    with pytest.raises(Skipped, match="no"):
        mnist.mnist_folder()


def test_a_restriction_that_the_cpu_cannot_keep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {"avx2": False})
    with pytest.raises(ValueError, match="has no avx2"):
        machine.restrict("avx2")


def test_a_restricted_run_compiles_for_that_kind_of_cpu() -> None:
    if not get_host_cpu_features().get("avx2"):
        pytest.skip("this CPU has no AVX2")
    code = "from tests.benchmarks import machine as m; m.restrict('avx2'); print(*m.described(), sep='\\n')"
    lines = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "vectors of 32 bytes, 16 registers" in lines or "NUMBA_DISABLE_JIT" in lines
    assert [line.partition(":")[0] for line in lines.splitlines()] == ["CPU", "kernels", "BLAS", "peer"]


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
