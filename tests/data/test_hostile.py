"""Whatever bytes a table holds, in any type of column that is taken: a process reads on, and says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.data.hostile import CHUNK, KINDS, ROWS


@pytest.mark.long
def test_no_table_ends_a_process() -> None:
    found = subprocess.run([sys.executable, "-m", "tests.data.hostile"], capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr[-2000:]
    told = json.loads(found.stdout)
    assert told.keys() == KINDS.keys()
    for name, counts in told.items():
        assert counts["rows"] == ROWS, name
        assert counts["good"] + counts["faulty"] == counts["scored"] + counts["refused"] == ROWS // CHUNK, name
        assert min(counts["good"], counts["faulty"], counts["scored"], counts["finite"]) > 0, (name, counts)
