"""The arguments that all readers have: paths, names, shapes, mappings. A ParamError says what one must be."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.layer import Shape


def path_of(path: Any, what: str) -> str:
    """A path as text. what: the file that it is of."""
    own = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(own, str) or not own:
        raise ParamError(f"{what} must be given by its path, found {_shown(path)}")
    return own


def names_of(names: Any, argument: str) -> tuple[str, ...]:
    """A list of names; none if it is None."""
    if isinstance(names, str):
        raise ParamError(f"{argument} must be a list of names, found the text {names!r}")
    if names is None:
        return ()
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise ParamError(f"{argument} must be a list of names, found {_shown(names)}")
    return tuple(names)


def mapping_of(mapping: Any, argument: str, right: str) -> dict[str, Any]:
    """A mapping from names; empty if it is None. right: what it must be."""
    if mapping is None:
        return {}
    if not isinstance(mapping, Mapping) or not all(isinstance(name, str) for name in mapping):
        raise ParamError(f"{argument} must be {right}, found {_shown(mapping)}")
    return dict(mapping)


def sizes_of(sizes: Any, what: str = "a row") -> Shape:
    """The shape of a row. what: whose shape it is."""
    own = tuple(sizes) if isinstance(sizes, list | tuple | np.ndarray) else ()
    whole = all(isinstance(size, int | np.integer) and not isinstance(size, bool) for size in own)
    if not own or not whole or min(own) < 1:
        raise ParamError(
            f"inputShape: the shape of {what} is a tuple of ints of at least 1, such as (28, 28, 1) or (784,), found "
            f"{_shown(sizes)}; of sequences the first is the steps of the longest"
        )
    return tuple(int(size) for size in own)


def _shown(value: Any) -> str:
    return f"{repr(value)[:80]} ({type(value).__name__})"
