"""The keywords, getters and setters of all Params, made from their declarations: ``python -m tests.spark.accessors``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import spark_deepnet
from spark_deepnet.spark.params.declaration import Declaration
from spark_deepnet.spark.params.table import DECLARATIONS

FILE = Path(spark_deepnet.__file__).parent / "spark" / "params" / "accessors.py"
WIDTH = 120
HEAD = '''\
"""Attributes, getters, setters and keywords of all Params, for editors, type checkers and help.

Made by `make docs` from the declarations in this folder: change these instead.
"""

from __future__ import annotations

from typing import Any, Self

from pyspark import keyword_only
from pyspark.ml.param import Param, Params

from spark_deepnet.spark.params.converters import members_of
from spark_deepnet.spark.params.table import param
from spark_deepnet.spark.params.unknown import known_keywords


class Accessors(Params):
    """Attributes, getters and setters."""
'''
KEYWORDS = '''


class Keywords(Params):
    """The constructor and setParams."""

    _input_kwargs: dict[str, Any]

    @known_keywords
    @keyword_only
    def __init__(
        self,
        *,
{keywords}
    ) -> None:
        """Params are keywords; others keep their defaults."""
        kwargs = self._input_kwargs
        super().__init__()
        self.setParams(**kwargs)

    @known_keywords
    @keyword_only
    def setParams(
        self,
        *,
{keywords}
    ) -> Self:
        """Set several Params at once; those that are None stay as they are."""
        return self._set(**{{name: value for name, value in self._input_kwargs.items() if value is not None}})
'''


def text() -> str:
    """The whole file."""
    keywords = "\n".join(f"        {keyword(each)}," for each in DECLARATIONS.values())
    return HEAD + "\n".join(accessors()) + KEYWORDS.format(keywords=keywords)


def keyword(declared: Declaration) -> str:
    return f"{declared.name}: {declared.type}{'' if declared.type == 'Any' else ' | None'} = None"


def accessors() -> Iterator[str]:
    """Lines of the class."""
    yield ""
    for each in DECLARATIONS.values():
        yield f'    {each.name}: Param[{each.type}] = param("{each.name}")'
    for each in DECLARATIONS.values():
        yield f"\n    def get{each.title}(self) -> {each.type}:"
        value = f"self.getOrDefault(self.{each.name})"
        yield f'        """The value of {each.name}, or its default{", as objects" if each.members else ""}."""'
        yield f"        return {f'members_of({value})' if each.members else value}"
        yield f"\n    def set{each.title}(self, value: {each.type}) -> Self:"
        yield docstring(each.doc)
        yield f"        return self._set({each.name}=value)"


def docstring(doc: str) -> str:
    """In lines of the project's width."""
    text = f'"""{doc}"""' if not doc.endswith('"') else f'"""{doc} """'
    indent = " " * 8
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
