"""Tables of the documentation that are made from the code: each stands between two marks of its page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.rstrip(".") for cell in line) + " |" for line in lines)


def rewritten(page: str, tables: Mapping[str, str], target: str = "docs") -> str:
    """The page with these tables, by name, made anew by a target of the Makefile."""
    for name, text in tables.items():
        begin, end = f"<!-- {name}: made by make {target} -->", f"<!-- end of {name} -->"
        page = re.sub(f"{begin}.*?{end}", lambda _, t=f"{begin}\n{text}\n{end}": t, page, flags=re.DOTALL)  # type: ignore[misc]
    return page


def rewrite(page: Path, tables: Mapping[str, str], target: str = "docs") -> None:
    page.write_text(rewritten(page.read_text(encoding="utf-8"), tables, target), encoding="utf-8")


def check(page: Path, tables: Mapping[str, str]) -> None:
    """Assert that every table stands on the page as the code makes it."""
    text = page.read_text(encoding="utf-8")
    assert all(made in text for made in tables.values()), f"run `make docs`: a table of {page.name} is out of date"
