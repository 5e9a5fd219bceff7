"""The words of the code and the documents are the field's: those that were dropped stay out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DROPPED = {
    r"slopes?": "gradient",
    r"foretold|foretells?": "predicted",
    r"Gauge": "LossHead",
    r"Shelf": "RowStore",
    r"Nobody\(": "NullChannel",
    r"take_census|Census": "DatasetStats",
    r"give_back": "trim_allocators",
    r"homeless": "no_checkpoint_dir",
}
ALLOWED = ("negative_slope",)
"""Of LeakyRelu: it is on disk, and PyTorch's word."""
FILES = sorted(
    file
    for pattern in ("spark_deepnet/**/*.py", "tests/**/*.py", "examples/*.py", "docs/*.md", "*.md")
    for file in ROOT.glob(pattern)
    if file != Path(__file__)
)


@pytest.mark.parametrize("word", DROPPED)
def test_a_dropped_word_stays_out(word: str) -> None:
    dropped = re.compile(rf"(?<![A-Za-z])({word})", re.IGNORECASE if word.islower() else 0)
    found = []
    for file in FILES:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for allowed in ALLOWED:
                line = line.replace(allowed, "")
            if dropped.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found, f"write {DROPPED[word]} in:\n" + "\n".join(found)
