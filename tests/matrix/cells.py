"""The cells of the matrix: which Spark, Python, Java and packages go together, and what is installed for each."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPARKS = ("4.0", "4.1", "4.2", "4.3")
PYTHONS = ("3.11", "3.12", "3.13")
NEWEST, LOWEST = "newest", "lowest"
CLIENT = "thin client"
"""pyspark-client against a server of the full package."""


@dataclass(frozen=True)
class Cell:
    """One platform. java: its major version; packages: newest or lowest of those that pyproject.toml allows."""

    spark: str
    python: str
    java: str = "17"
    packages: str = NEWEST
    client: bool = False

    @property
    def name(self) -> str:
        """For ONLY=, and the folder of its environment."""
        kind = "-client" if self.client else ""
        return f"spark{self.spark}-python{self.python}-java{self.java}-{self.packages}{kind}"

    @property
    def environment(self) -> str:
        """Cells that differ by Java alone share one."""
        return re.sub(r"-java\d+", "", self.name)


def cells() -> list[Cell]:
    """Each Spark on each Python; the lowest packages on the oldest Python, the other Java on the oldest and newest Spark."""
    found = [Cell(spark, python) for spark in SPARKS for python in PYTHONS]
    found += [Cell(spark, PYTHONS[0], packages=LOWEST) for spark in (SPARKS[0], SPARKS[-1])]
    found += [Cell(spark, PYTHONS[0], java="21") for spark in (SPARKS[0], SPARKS[-1])]
    found += [Cell(SPARKS[-1], PYTHONS[0], java="25")]
    return [*found, Cell("4.2", PYTHONS[0], client=True)]


def requirements(cell: Cell) -> list[str]:
    """What pip is given beside the package itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = []
    for text in project["dependencies"]:
        name, least = re.match(r"([a-z_]+)>=([\d.]+)", text).groups()  # type: ignore[union-attr]
        if name == "pyspark":
            wanted.append(f"pyspark-client=={cell.spark}.*" if cell.client else f"pyspark[connect]=={cell.spark}.*")
        else:
            wanted.append(f"{name}=={least}.*" if cell.packages == LOWEST else text)
    return wanted
