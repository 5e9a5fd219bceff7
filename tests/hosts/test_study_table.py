"""The study's table: seconds from C, S and counts, and beside those of the best fixed tau; and what the study says of its
networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.study_rows import kept
from tests.hosts.namespaces import ROOT
from tests.hosts.study import SIZES, WEIGHTS
from tests.hosts.study_table import told

ALONE = {"workers": "1", "delay": "0", "rate": "inf", "tau": "1", "steps": "600", "step": "0.01"}
STUDIES = ROOT / "examples" / "sparknet"
FIT = {"workers": "2", "delay": "0.01", "rate": "1e8", "weights": "1000", "syncEvery": "10", "steps": "400"}
FIT |= {"exchanges": "40", "alone": "0.05", "seconds": "7.5", "accuracy": "0.95"}


def cells(rows: list[dict[str, str]]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in told(rows).splitlines()]


def test_seconds_are_steps_and_exchanges_and_beside_the_best_fixed_tau() -> None:
    ten, fifty = FIT | {"tau": "10"}, FIT | {"tau": "50", "exchanges": "8"}
    auto = FIT | {"tau": "auto", "syncEvery": "100", "exchanges": "4", "steps": "484"}
    slower = auto | {"exchanges": "8", "steps": "440"}
    head, _, serial, *rest = cells([auto, slower, fifty, ten, ALONE])
    at = head.index
    assert serial[at("seconds")] == "6.0"
    assert [row[at("seconds")] for row in rest] == ["6.0", "4.4", "4.9 ± 0.1"]
    assert [row[at("/ best fixed")] for row in rest] == ["1.36", "1.00", "1.12"], "auto is not among the fixed ones"
    assert [row[at("syncEvery")] for row in rest] == ["10", "50", "auto, 100 ± 0"]
    assert {len(row) for row in (head, serial, *rest)} == {len(head)}


def test_a_part_of_a_batch_has_a_c_of_its_own() -> None:
    shared = FIT | {"tau": "1", "exchanges": "400"}
    assert len(cells([ALONE, shared])) == 3, "not measured: no line"
    head, *_, row = cells([ALONE, ALONE | {"tau": "shared by 2", "step": "0.005"}, shared])
    assert row[head.index("seconds")] == f"{400 * 0.005 + 400 * 0.05:.1f}"


@pytest.mark.parametrize("rows", [[], [FIT | {"tau": "10"}]], ids=["no rows", "no C"])
def test_without_c_there_is_no_table(rows: list[dict[str, str]]) -> None:
    assert "make them first" in told(rows)


def column(path: Path, name: str, **where: str) -> set[int]:
    return {int(row[name]) for row in kept(path) if all(row[key] == value for key, value in where.items())}


@pytest.mark.parametrize(("net", "folder"), [("lenet", "."), ("cifar10", "cifar10")])
def test_a_network_is_as_large_as_its_fits_found_and_its_workers_are_those_that_were_counted(
    net: str, folder: str
) -> None:
    assert column(STUDIES / "sparknet_hosts.csv", "weights", net=net) == {0, WEIGHTS[net]}, (
        "0: one worker, who sends none"
    )
    assert column(STUDIES / folder / "sparknet_counts.csv", "replicas", batch="16") == set(SIZES[net])
