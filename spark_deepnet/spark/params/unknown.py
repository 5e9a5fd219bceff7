"""Answers to names that no Param has: the near ones, or what other libraries' names are called here."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar, cast

from spark_deepnet.errors import UnknownParamError, near
from spark_deepnet.spark.params.synonyms import SYNONYMS
from spark_deepnet.spark.params.table import DECLARATIONS, with_descriptions

Method = TypeVar("Method", bound=Callable[..., Any])
_CUTOFF = 0.7
_ACCESSOR = re.compile("[gs]et(?=[A-Z])")


def hint(name: str) -> str | None:
    """The end of a sentence about a name that no Param has; None where none is near."""
    snake = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if snake in SYNONYMS:
        return f"use {SYNONYMS[snake]}"
    known = {each.lower(): each for each in DECLARATIONS}
    flat = snake.replace("_", "")
    close = [flat] if flat in known else get_close_matches(flat, known, n=3, cutoff=_CUTOFF)
    return f"did you mean {' or '.join(repr(known[each]) for each in close)}?" if close else None


def unknown_param(owner: object, name: str) -> UnknownParamError:
    """The error of a keyword, or of the key of a ParamMap."""
    return UnknownParamError(
        f"{type(owner).__name__}: there is no Param {name!r}; {hint(name) or near('', DECLARATIONS)}"
    )


def unknown_attribute(owner: object, name: str) -> AttributeError:
    """The error of an attribute, which may be a getter or a setter."""
    stem = _stem(name)
    near_names = None if name.startswith("_") else hint(stem)
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    return AttributeError(text if near_names is None else f"{text}: there is no Param {stem!r}; {near_names}")


def _stem(name: str) -> str:
    """setMaxIter -> maxIter"""
    stem = _ACCESSOR.sub("", name, count=1) if _ACCESSOR.match(name) else name
    return stem[:1].lower() + stem[1:]


def known_keywords(method: Method) -> Method:
    """A decorator: unknown keywords are answered with near names, and help lists all Params."""

    @wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in DECLARATIONS:
                raise unknown_param(self, name)
        return method(self, *args, **kwargs)

    checked.__doc__ = with_descriptions(method.__doc__ or "")
    return cast(Method, checked)
