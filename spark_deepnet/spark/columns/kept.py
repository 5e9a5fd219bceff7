"""Columns that are made once in a process.

Each function and each operator of a classic Column is some ten requests to the JVM, and a fit of a vector column makes
seven hundred of them. A Column holds names alone, nothing of a DataFrame or a session, so the next fit can use it too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from spark_deepnet.spark.session.dialect import column_home

MAX_KEPT = 64
P = ParamSpec("P")
T = TypeVar("T")


def kept(make: Callable[P, T]) -> Callable[P, T]:
    """The function, which makes Columns of hashable arguments, with its latest results kept for as long as their JVM."""
    results: OrderedDict[Any, tuple[object, T]] = OrderedDict()
    lock = threading.Lock()

    @wraps(make)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        home, key = column_home(), (args, tuple(kwargs.items()))
        with lock:
            latest = results.pop(key, None)
            result = latest[1] if latest is not None and latest[0] is home else make(*args, **kwargs)
            results[key] = home, result
            if len(results) > MAX_KEPT:
                results.popitem(last=False)
            return result

    return call
