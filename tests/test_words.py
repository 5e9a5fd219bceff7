"""The words of the code and the documents are the field's: those that were dropped stay out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
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
    r"Crossings?\b": "Collective, BlockTraffic",
    r"step_alone\(": "local_step",
    r"masses": "loss_weights",
}
"""Word in code, tests and documents -> what is written instead."""
ALLOWED = ("negative_slope",)
"""Of LeakyRelu: it is on disk, and PyTorch's word."""
PHRASES = {
    r"told": "sent, known, distinguished, or a noun",
    r"so (?:many|much)": "the number, or its name",
    r"anew": "again",
    r"by then": "so far",
    r"(?:is|are) to be had": "is available",
    r"it is found": "is",
    r"hands? on": "pass",
    r"gives? back": "return",
    r"hands? back": "return",
}
"""Phrase in documents, docstrings, comments and messages -> what is written instead."""
NAMES = {"told", "tells", "found", "said", "begun", "reckoned", "masses"}
"""Names of variables, arguments and functions that do not say what they hold."""
CONSTANTS = {
    "PIECE",
    "LEAST",
    "MOST",
    "LARGEST",
    "WIDE",
    "CHUNK",
    "LONG",
    "LARGE",
    "TIMES",
    "NEAR",
    "FAR",
    "APART",
    "ENOUGH",
}
"""Constants without a noun or a unit."""


def files(*patterns: str) -> list[Path]:
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern) if file != Path(__file__))


TREE = files("spark_deepnet/**/*.py", "tests/**/*.py", "examples/**/*.py", "docs/**/*.md", "*.md")
MODULES = files("spark_deepnet/**/*.py", "examples/**/*.py")
PAGES = files("docs/**/*.md", "*.md")


def places(word: re.Pattern[str], file: Path, text: str) -> list[str]:
    """The lines of a text that have the word."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for allowed in ALLOWED:
            line = line.replace(allowed, "")
        if word.search(line):
            found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    return found


@cache
def prose(file: Path) -> str:
    """A page as it is; of a module its strings and comments, at their lines."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    lines = [""] * (len(text.splitlines()) + 1)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            for number, part in enumerate(token.string.splitlines(), token.start[0] - 1):
                lines[number] += " " + part
    return "\n".join(lines)


def names(file: Path) -> list[tuple[int, str]]:
    """Line and name of everything that a module assigns or defines."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.append((node.lineno, node.attr))
    return found


@pytest.mark.parametrize("word", DROPPED)
def test_a_dropped_word_stays_out(word: str) -> None:
    dropped = re.compile(rf"(?<![A-Za-z])({word})", re.IGNORECASE if word.islower() else 0)
    found = [place for file in TREE for place in places(dropped, file, file.read_text(encoding="utf-8"))]
    assert not found, f"write {DROPPED[word]} in:\n" + "\n".join(found)


@pytest.mark.parametrize("phrase", PHRASES)
def test_prose_is_plain(phrase: str) -> None:
    dropped = re.compile(rf"\b({phrase})\b", re.IGNORECASE)
    found = [place for file in (*MODULES, *PAGES) for place in places(dropped, file, prose(file))]
    assert not found, f"write {PHRASES[phrase]} in:\n" + "\n".join(found)


def test_names_say_what_they_hold() -> None:
    dropped = NAMES | CONSTANTS | {f"_{name}" for name in NAMES | CONSTANTS}
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}" for file in MODULES for line, name in names(file) if name in dropped
    ]
    assert not found, "give them nouns, with units, in:\n" + "\n".join(found)


def test_words_are_found() -> None:
    """In prose and among names, so that the tests above are not idle."""
    assert places(re.compile("gradient"), ROOT / "README.md", "the gradient")
    assert not places(re.compile("slope"), ROOT / "README.md", "negative_slope")
    assert "told" in prose(Path(__file__))
    assert (DROPPED_LINE, "DROPPED") in names(Path(__file__))


DROPPED_LINE = next(
    number for number, line in enumerate(Path(__file__).read_text().splitlines(), 1) if line.startswith("DROPPED = ")
)
