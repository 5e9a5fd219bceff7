"""Every node case of the package onnx whose operator is claimed passes, or is listed with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx.defs import get_all_schemas_with_history

from spark_deepnet.formats.onnx.registry import operators
from tests.cases.onnx_nodes import LISTED
from tests.formats.onnx_nodes import cases, listed


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", sorted(operators()))
def test_cases_pass_or_are_listed(op: str, tmp_path: Path) -> None:
    known, wrong = listed(), []
    for case in (case for case in cases()[0] if case.op == op):
        refusal, expected = case.refusal(tmp_path), known.get(case.name)
        if (refusal is None) != (expected is None) or (refusal and expected and expected not in refusal):
            wrong.append(f"{case.name}: {refusal or 'passes'}; listed: {expected}")
    assert not wrong


def test_the_list_has_no_other_cases() -> None:
    names = " ".join(LISTED.values()).split()
    assert len(names) == len(set(names))
    assert set(names) <= {case.name for case in cases()[0]}


@pytest.mark.parametrize("op", sorted(operators()))
def test_the_last_version_that_is_read_is_one_of_the_operator(op: str) -> None:
    """A newer one of the installed package would be refused until someone has looked at what it changes."""
    versions = {each.since_version for each in get_all_schemas_with_history() if (each.domain, each.name) == ("", op)}
    last = operators()[op].versions[-1]
    assert last in versions or last > max(versions)
