"""Results that an object keeps, so that they are made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def once(method: Method) -> Method:
    """A method of a frozen object whose result is kept for each of its arguments."""

    @wraps(method)
    def kept(self: Any, *args: Any) -> Any:
        results = self.__dict__.setdefault("_results", {})
        key = (method.__name__, *args)
        if key not in results:
            results[key] = method(self, *args)
        return results[key]

    return cast(Method, kept)
