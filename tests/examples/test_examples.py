"""The examples run by themselves, on data that comes with a package, and come to what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PROMISED = [
    ("digits.py --master local[2]", 0.97),
    ("vowels.py", 0.95),
    ("own_layer.py", 0.97),
    pytest.param("lenet.py", 0.96, marks=pytest.mark.slow),
    pytest.param("rows.py", 0.95, marks=pytest.mark.slow),
    pytest.param("rows.py --layer simple_rnn", 0.93, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("command", "least"), PROMISED)
def test_an_example_is_as_accurate_as_promised(command: str, least: float, tmp_path: Path) -> None:
    found = [float(number) for number in re.findall(r"accuracy.*? (\d\.\d+)", told(command, tmp_path))]
    assert found
    assert min(found) >= least


@pytest.mark.slow
def test_characters_are_foretold_better_than_by_their_frequency(tmp_path: Path) -> None:
    (nats,) = re.findall(r"(\d\.\d+) nats", told("characters.py --epochs 2 --units 64", tmp_path))
    assert float(nats) < 3.0


def told(command: str, folder: Path) -> str:
    """What an example prints."""
    script, *arguments = command.split()
    run = [sys.executable, str(EXAMPLES / script), *arguments]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout
