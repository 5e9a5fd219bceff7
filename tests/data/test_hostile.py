"""Whatever bytes a table holds, in any type of column that is taken: a process reads on, and says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.data.hostile import CHUNK, KINDS


@pytest.mark.long
@pytest.mark.parametrize("rows", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_table_ends_a_process(rows: int) -> None:
    """So many of each kind."""
    command = [sys.executable, "-m", "tests.data.hostile", str(rows)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr[-2000:]
    told = json.loads(found.stdout)
    assert told.keys() == KINDS.keys()
    for name, counts in told.items():
        assert counts["rows"] == rows, name
        assert counts["good"] + counts["faulty"] == counts["scored"] + counts["refused"] == rows // CHUNK, name
        assert min(counts["good"], counts["faulty"], counts["scored"], counts["finite"]) > 0, (name, counts)
