"""Tables for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """A table; all texts are escaped."""
    lines = [f"<p>{escape(title)}</p>"] if title else []
    lines += ["<table>", _row(head, "th"), *(_row(row, "td") for row in rows), "</table>"]
    return "\n".join(lines)


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
