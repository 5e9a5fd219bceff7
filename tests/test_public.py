"""What a user can import: every public name exists and says what it is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import spark_deepnet
from spark_deepnet import errors

ROOT = Path(spark_deepnet.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
PUBLIC = sorted(getattr(spark_deepnet, "__all__", []))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_docstring(name: str) -> None:
    thing = getattr(spark_deepnet, name)
    if isinstance(thing, type) or callable(thing) or isinstance(thing, ModuleType):
        assert thing.__doc__
        assert thing.__doc__.strip()


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_class_documents_its_public_methods(name: str) -> None:
    thing = getattr(spark_deepnet, name)
    methods = inspect.getmembers(thing, inspect.isfunction) if isinstance(thing, type) else []
    own = [f for n, f in methods if not n.startswith("_") and f.__module__.startswith("spark_deepnet")]
    assert [f.__qualname__ for f in own if not inspect.getdoc(f)] == []


def test_the_public_names_are_told() -> None:
    own: dict[str, object] = {}
    exec("from spark_deepnet import *", own)
    assert set(PUBLIC) == set(own) - {"__builtins__"}
    assert set(PUBLIC) <= set(dir(spark_deepnet))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_module_with_code_has_a_docstring(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)


def test_the_version_is_one_that_pip_reads() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", spark_deepnet.__version__)


def test_every_error_is_a_deepnet_error_and_documented() -> None:
    module = importlib.import_module(errors.__name__)
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == errors.__name__]
    assert [c.__name__ for c in classes if not issubclass(c, errors.DeepNetError) or not c.__doc__] == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dens", "did you mean 'dense'?"),
        ("zzzz", "known are dense, dropout, relu"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones_or_all(name: str, sentence: str) -> None:
    assert errors.near(name, ["relu", "dense", "dropout"]) == sentence
