"""The code of the pages runs as it stands on them, block after block, and prints what they say. What it writes stays in the
folder that the session was started in, which is a temporary one unless the tests run in this very process."""

from __future__ import annotations

import builtins
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "quickstart.md", *sorted(DOCS.glob("howto/*.md"))]
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ABOUT = re.compile(r"# about ([\d,.]*\d)")
FILE = re.compile(r"# (\w+\.py)\n")
SLOW = "<!-- slow -->"
"""The first line of a page that takes long."""


def cases() -> list[Any]:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    return [
        pytest.param(
            page, id=f"{page.parent.name}-{page.stem}", marks=[pytest.mark.slow] if text.startswith(SLOW) else []
        )
        for page, text in texts.items()
        if CODE.search(text)
    ]


def blocks(text: str) -> list[str]:
    """Each behind as many empty lines as it has ahead of it on the page, so that errors name the page's lines."""
    return ["\n" * text.count("\n", 0, block.start(1)) + block.group(1) for block in CODE.finditer(text)]


class Printed:
    """A print that notes what the lines of the page have printed."""

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}

    def __call__(self, *values: Any, **more: Any) -> None:
        self.lines[sys._getframe(1).f_lineno] = " ".join(map(str, values))
        builtins.print(*values, **more)


def near(printed: str, said: str) -> bool:
    """Whether the last number of a line is the one that the page announces, to 0.06 or 6 %."""
    numbers = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", printed.replace(",", ""))
    expected = float(said.replace(",", ""))
    return bool(numbers) and abs(float(numbers[-1]) - expected) <= max(0.06, 0.06 * abs(expected))


def run(page: Path, text: str, printed: Printed) -> None:
    """A block that begins with the name of a file is that file."""
    names: dict[str, Any] = {"__name__": "__page__", "print": printed}
    for block in blocks(text):
        if file := FILE.match(block.lstrip()):
            Path(file[1]).write_text(block.lstrip(), encoding="utf-8")
        else:
            exec(compile(block, str(page), "exec"), names)


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # CrossValidator's
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")  # MLflow's, of types of its own
@pytest.mark.parametrize("page", cases())
def test_a_page_runs(spark: Any, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(os.getcwd())
    text, printed = page.read_text(encoding="utf-8"), Printed()
    run(page, text, printed)
    said = {k: match[1] for k, line in enumerate(text.splitlines(), 1) if (match := ABOUT.search(line))}
    wrong = {
        f"{page.name}:{k}": (printed.lines.get(k), about)
        for k, about in said.items()
        if not near(printed.lines.get(k, ""), about)
    }
    assert said, "the page prints no figure that it announces with `# about`"
    assert not wrong


def test_figures_are_compared() -> None:
    assert near("accuracy: 0.93", "0.95")
    assert near("1,010 rows", "1000")
    assert not near("accuracy: 0.80", "0.95")
    assert not near("", "0.95")
