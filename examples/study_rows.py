"""Rows of a study in a CSV file, to which each run is added as soon as it is made, so that a study can be made piece by
piece."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def kept(path: Path | None) -> list[Row]:
    """What is in the file, as text; nothing where there is none."""
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def keep(path: Path | None, rows: list[Row]) -> None:
    """Append to the file."""
    if path is not None:
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
