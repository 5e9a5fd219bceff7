"""The stubs by which editors and type checkers know the members of the families: ``python -m tests.stubs``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from spark_deepnet.registry import class_in, modules_of

FAMILIES = ("layers", "losses", "optimizers", "schedules", "initializers")
HEAD = '"""Made by `make docs` from the files of this folder."""\n\n'


def stubs() -> Iterator[tuple[Path, str]]:
    """Each family's stub and its text."""
    for family in FAMILIES:
        package = import_module(f"spark_deepnet.{family}")
        yield Path(str(package.__file__)).with_suffix(".pyi"), HEAD + "".join(map(_line, *_names(package.__name__)))


def _names(package: str) -> tuple[list[str], list[str]]:
    paths = [f"{package}.{module}" for module in modules_of(package)]
    return paths, [class_in(import_module(path)) for path in paths]


def _line(path: str, name: str) -> str:
    return f"from {path} import {name} as {name}\n"


if __name__ == "__main__":
    for path, text in stubs():
        path.write_text(text, encoding="utf-8")
