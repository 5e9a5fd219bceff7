"""What several fits of one DataFrame need alike of it is made once: small jobs over its rows, and the columns to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from pyspark.sql import DataFrame

P = ParamSpec("P")
T = TypeVar("T")
_results: ContextVar[dict[Any, Any] | None] = ContextVar("results of one DataFrame", default=None)


@contextmanager
def one_frame() -> Iterator[None]:
    """Within this block all fits are of one DataFrame."""
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


Make = Callable[Concatenate[DataFrame, P], T]


def once_a_frame(make: Make[P, T]) -> Make[P, T]:
    """The function of a DataFrame, made once for the same other arguments within ``one_frame``; these must have all that
    it asks of them in their repr."""

    @wraps(make)
    def call(df: DataFrame, *args: P.args, **kwargs: P.kwargs) -> T:
        results = _results.get()
        if results is None:
            return make(df, *args, **kwargs)
        key = make.__qualname__, repr(args), repr(kwargs)
        if key not in results:
            results[key] = make(df, *args, **kwargs)
        return results[key]

    return cast(Make[P, T], call)
