"""Docstrings as reStructuredText: formulas become blocks of code, and signs of markup in prose stay themselves."""

from __future__ import annotations

import re

FORMULA = re.compile(r"[^`]{1,40}? [-+]?= ")
"""The start of a paragraph whose first sentence is a formula."""
CODE = re.compile(r"``?[^`]+``?")
SIGNS = re.compile(r"([\\*_|])")


def as_rst(docstring: str) -> str:
    """The docstring, paragraph by paragraph."""
    return "\n\n".join(_paragraph(each) for each in re.split(r"\n\s*\n", docstring.strip()))


def _paragraph(text: str) -> str:
    if text.lstrip().startswith(">>>"):
        return ".. code-block:: python\n\n" + _indented(text.splitlines())
    if "   " in re.sub(r"\n\s*", "\n", text) or FORMULA.match(text.splitlines()[0]):
        return ".. code-block:: text\n   :class: formula\n\n" + _indented(
            re.split(r"\s*\n\s*| {3,}", text.strip().replace("``", ""))
        )
    return _escaped(text)


def _indented(lines: list[str]) -> str:
    return "\n".join(f"   {line}" for line in lines)


def _escaped(text: str) -> str:
    """Prose, in which only spans of code are marked up."""
    pieces, end = [], 0
    for code in CODE.finditer(text):
        pieces += [SIGNS.sub(r"\\\1", text[end : code.start()]), f"``{code.group().strip('`')}``"]
        end = code.end()
    return "".join(pieces) + SIGNS.sub(r"\\\1", text[end:])
