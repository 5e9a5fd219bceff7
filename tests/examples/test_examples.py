"""The examples run by themselves and come to what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_digits(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, str(EXAMPLES / "digits.py"), "--master", "local[2]"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    found = [float(number) for number in re.findall(r"accuracy.* (\d\.\d+)", told.stdout)]
    assert len(found) == 2
    assert found[0] == found[1] >= 0.97
