"""Runs docs/quickstart.md and writes it, with what it prints, as examples/quickstart.ipynb.

python .ci/site/notebook.py
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE, NOTEBOOK = ROOT / "docs" / "quickstart.md", ROOT / "examples" / "quickstart.ipynb"


def cells(text: str) -> list[tuple[str, str]]:
    """(kind, source) of each cell; links lead from the notebook's folder to the pages."""
    parts = re.split(r"^```python\n(.*?)^```\n", text, flags=re.DOTALL | re.MULTILINE)
    linked = [
        re.sub(r"\]\(([\w/]+\.md)", r"](../docs/\1", part) if k % 2 == 0 else part for k, part in enumerate(parts)
    ]
    return [("code" if k % 2 else "markdown", part.strip()) for k, part in enumerate(linked) if part.strip()]


def run(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs of a cell: what it prints, and the value of a last line that has one."""
    tree, printed = ast.parse(source), io.StringIO()
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        value = None if last is None else eval(compile(last, "cell", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(keepends=True)}
        )
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    return outputs


def notebook(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    made = []
    for number, (kind, source) in enumerate(cells(text), 1):
        cell: dict[str, Any] = {"id": f"cell-{number}", "cell_type": kind, "metadata": {}}
        cell["source"] = source.splitlines(keepends=True)
        if kind == "code":
            cell |= {"execution_count": number // 2, "outputs": run(source, names)}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # what the page saves
        text = json.dumps(notebook(PAGE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(text + "\n", encoding="utf-8")
