"""The small examples, on the session of the tests: each is short, and as good as it should be."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "small"
LEAST = {
    "two_targets": (0.95, 0.95),
    "names_back": (0.88,),
    "several_labels": (0.7,),
    "tuning": (0.93,),
    "random_search": (0.9,),
    "mixed_pictures": (0.9,),
}
"""The least of the figures that an example prints at the end."""
MAX_LINES = 25


@pytest.mark.parametrize("name", LEAST)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()) < MAX_LINES


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # CrossValidator's
@pytest.mark.parametrize("name", LEAST)
def test_an_example_runs(
    spark: Any, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.setattr("tempfile.mkdtemp", lambda *_, **__: str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    runpy.run_path(str(EXAMPLES / f"{name}.py"))
    lines = capsys.readouterr().out.splitlines()[-len(LEAST[name]) :]
    for line, least in zip(lines, LEAST[name], strict=True):
        (figure,) = re.findall(r" (\d\.\d{3})$", line)
        assert float(figure) >= least, line
