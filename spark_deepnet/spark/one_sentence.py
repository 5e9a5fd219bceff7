"""Errors of rows in a scoring task, which Spark shows with the worker's traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from spark_deepnet.errors import DeepNetError

HIDES_TRACEBACK = "SPARK_HIDE_TRACEBACK"
"""The variable by which PySpark's worker leaves out the traceback of the error that ends it."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """Within a Python worker: an error of ours, which ends the worker, is shown without its traceback."""
    try:
        yield
    except DeepNetError:
        os.environ[HIDES_TRACEBACK] = "1"
        raise
