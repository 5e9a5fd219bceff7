"""What the tables of docs/formats.md say of a reader or a writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def note_of(function: Callable[..., Any]) -> str:
    """The first paragraph of its docstring, as one line."""
    return (function.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
