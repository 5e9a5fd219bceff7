"""Imports go downward only, in no circle of files, and the heavy or dangerous modules each have their folder (all imports
are read, those inside functions and those for types alone too)."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

import spark_deepnet

PACKAGE = "spark_deepnet"
ROOT = Path(spark_deepnet.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

FLOORS = (
    {"tracking"},
    {"spark", "compile"},
    {"forecast"},
    {"train", "score", "formats"},
    {"plan"},
    {"data"},
    {"net"},
    {"layers", "losses", "metrics", "optimizers", "schedules", "exchange"},
    {"initializers"},
    {"kernels"},
    {"registry", "plotting"},
    {"errors", "synonyms", "measures"},
)  # from the roof to the ground
FLOOR = {part: number for number, parts in enumerate(reversed(FLOORS)) for part in parts}

ONLY_IN = {
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "socket": {"exchange"},
    "socketserver": {"exchange"},
    "ssl": {"exchange"},
    "selectors": {"exchange"},
    "pandas": {"data", "score", "train", "forecast", "spark", "compile", "tracking"},
    "pyarrow": {"data", "score", "train", "forecast", "spark"},
    "pyspark": {"spark"},
    "matplotlib": {"plotting"},
    "mlflow": {"tracking"},
    "tensorboard": {"tracking"},
    "py4j": {"spark"},
    "pickle": set[str](),
    "cloudpickle": set[str](),
    "marshal": set[str](),
    "shelve": set[str](),
}


def imports(source: str, module: str) -> Iterator[str]:
    """The full names of all that a module's source imports; ``module``: its own package, for relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (word.value for word in node.args[:1] if isinstance(word, ast.Constant))


def faults(source: str, home: str, package: str) -> list[str]:
    """What the source of a file in the part ``home`` may not import, in words."""
    found = []
    for name in imports(source, package):
        top, _, rest = name.partition(".")
        if home not in ONLY_IN.get(top, {home}):
            found.append(f"imports {name}, which may be imported in: {' '.join(sorted(ONLY_IN[top])) or 'no folder'}")
        if top == PACKAGE and home and not is_below(rest.partition(".")[0], home):
            found.append(f"imports {name}, which is not on a lower floor than {home}")
    return found


def is_below(other: str, home: str) -> bool:
    """The public names of the package itself are on the roof, for they open everything; its version is not."""
    return other in {home, "__version__"} or FLOOR.get(other, len(FLOORS)) < FLOOR[home]


def files_imported() -> dict[str, set[str]]:
    """Of every module of the package the others that it imports, for types alone too."""
    names = {file: ".".join([PACKAGE, *file.relative_to(ROOT).with_suffix("").parts]) for file in FILES}
    names = {file: name.removesuffix(".__init__") for file, name in names.items()}
    known = set(names.values())
    found: dict[str, set[str]] = {name: set() for name in known}
    for file, name in names.items():
        above = name if file.stem == "__init__" else name.rpartition(".")[0]
        for other in imports(file.read_text(encoding="utf-8"), above):
            module = other if other in known else other.rpartition(".")[0]
            found[name] |= {module} & (known - {name})
    return found


def circle(imported: Mapping[str, Collection[str]]) -> list[str]:
    """Modules of which each imports the next, and the last the first; empty where there are none."""
    path: list[str] = []
    done: set[str] = set()

    def visit(module: str) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        path.append(module)
        found = next(filter(None, map(visit, sorted(imported.get(module, ())))), [])
        if not found:
            done.add(path.pop())
        return found

    return next(filter(None, map(visit, sorted(imported))), [])


def home_of(file: Path) -> str:
    inside = file.relative_to(ROOT).with_suffix("").parts
    return "" if inside == ("__init__",) else inside[0]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_imports_only_what_its_floor_allows(file: Path) -> None:
    package = ".".join([PACKAGE, *file.relative_to(ROOT).parent.parts])
    assert faults(file.read_text(encoding="utf-8"), home_of(file), package) == []


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_has_a_floor(file: Path) -> None:
    assert home_of(file) in {"", *FLOOR}


def test_no_file_is_in_an_import_circle() -> None:
    imported = files_imported()
    assert imported[f"{PACKAGE}.net.net"] > {f"{PACKAGE}.net.node", f"{PACKAGE}.layers.output"}
    assert circle(imported) == []


@pytest.mark.parametrize(
    ("imported", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
        ({"a": {"b"}, "b": {"a"}}, ["a", "b"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, ["b", "c", "d"]),
    ],
)
def test_a_circle_is_seen(imported: dict[str, set[str]], found: list[str]) -> None:
    assert circle(imported) == found


@pytest.mark.parametrize(
    ("home", "line"),
    [
        ("net", "import numba"),
        ("kernels", "import pickle"),
        ("layers", "from numba import njit"),
        ("net", "def f():\n    from spark_deepnet.spark import estimator"),
        ("layers", "from spark_deepnet.losses.loss import Loss"),
        ("layers", "from spark_deepnet import losses"),
        ("layers", "from ..losses import loss"),
        ("layers", "import spark_deepnet.net.net"),
        ("rows", "import socket"),
        ("train", "from pyspark.sql import Row"),
        ("formats", "import pandas.api"),
        ("errors", "from spark_deepnet.registry import Member"),
        ("train", "from spark_deepnet import DeepNetEstimator"),
        ("net", "import_module('numba')"),
        ("net", "importlib.import_module('spark_deepnet.train.loop')"),
    ],
)
def test_a_wrong_import_is_seen(home: str, line: str) -> None:
    assert len(faults(line, home, f"{PACKAGE}.{home}")) == 1


@pytest.mark.parametrize(
    ("home", "line"),
    [
        ("spark", "from spark_deepnet.kernels.jit import kernel"),
        ("layers", "from spark_deepnet.layers.layer import Layer"),
        ("layers", "from .layer import Layer"),
        ("layers", "from spark_deepnet.initializers.initializer import Initializer"),
        ("exchange", "import socket, ssl"),
        ("kernels", "import numba"),
        ("train", "import pandas as pd"),
        ("registry", "from spark_deepnet.errors import near"),
        ("spark", "from spark_deepnet import __version__"),
    ],
)
def test_a_right_import_is_not(home: str, line: str) -> None:
    assert faults(line, home, f"{PACKAGE}.{home}") == []
