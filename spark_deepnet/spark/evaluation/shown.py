"""How the summaries of ``evaluate`` print, and how a notebook shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spark_deepnet.net.html import html_table

MAX_ROWS = 20
"""Classes, labels or targets of which all are shown."""


class EvaluationText:
    """The figures of all rows in one line, then a table with a row a class, label or target."""

    def _figures(self) -> dict[str, Any]:
        """Name -> figure, of all rows."""
        raise NotImplementedError

    def _table(self) -> Sequence[Mapping[str, Any]]:
        """A row a class, label or target."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_text(v)}' for name, v in self._figures().items())})"

    def __str__(self) -> str:
        rows = self._shown()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
        return "\n".join([repr(self), *lines])

    def _repr_html_(self) -> str:
        head, *rows = self._shown()
        return html_table(head, rows, repr(self))

    def _shown(self) -> list[tuple[str, ...]]:
        """The head and the rows, of many the first and the last."""
        table = list(self._table())
        rows = [tuple(map(_text, row.values())) for row in table]
        if len(rows) > MAX_ROWS:
            rows[MAX_ROWS // 2 : -MAX_ROWS // 2] = [("...",) * len(table[0])]
        return [tuple(table[0]), *rows]


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
