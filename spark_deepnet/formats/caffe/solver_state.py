"""A Caffe solver's state: the iteration, and the optimizer's vectors by the names of the weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.caffe.blobs import array_of, read_binary
from spark_deepnet.formats.caffe.step import Blobs
from spark_deepnet.formats.caffe.weights import named_weights, same_shape
from spark_deepnet.formats.rewrites import Rewritten
from spark_deepnet.formats.sniff import STATE


@dataclass(frozen=True)
class SolverState:
    """What a solver goes on from."""

    iteration: int
    vectors: dict[str, dict[str, np.ndarray]]
    """The optimizer's name of a vector -> "layer/weight" -> array."""


def read_state(
    path: str | os.PathLike[str], blobs: Sequence[Blobs], rewritten: Rewritten, vectors: Sequence[str]
) -> SolverState:
    """The state in a solverstate file, whose arrays are in the order of the net's weights: all of the first vector, then
    all of the second. vectors: the names of those that the solver keeps. FormatError if they are those of another net or
    solver."""
    state = read_binary(path, "SolverState", f"a solverstate, Caffe's binary file of a {STATE}")
    if not state.HasField("iter") or state.iter < 0:
        raise FormatError(
            f"{path}: expected a solverstate, found no count of iterations in it; is it another kind of file?"
        )
    arrays = [array_of(blob, f"{path}: array {k} of the history") for k, blob in enumerate(state.history)]
    count = sum(len(blob.shapes) for blob in blobs)
    if len(arrays) != count * len(vectors):
        raise FormatError(
            f"{path}: the history has {len(arrays)} arrays; the net's {count} blobs and the solver's vectors "
            f"({', '.join(vectors) or 'none'}) need {count * len(vectors)}: it is the state of another net or solver"
        )
    rest = iter(arrays)
    named = {name: _vector(path, blobs, rewritten, list(islice(rest, count))) for name in vectors}
    return SolverState(int(state.iter), named)


def _vector(
    path: object, blobs: Sequence[Blobs], rewritten: Rewritten, arrays: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """One vector by the names of the weights."""
    named: dict[str, np.ndarray] = {}
    rest = iter(arrays)
    for blob in blobs:
        own = list(islice(rest, len(blob.shapes)))
        for array, shape in zip(own, blob.shapes, strict=True):
            if not same_shape(array.shape, shape):
                raise FormatError(
                    f"{path}: layer {blob.layer!r} ({blob.type}) needs {tuple(shape)}, the history has {array.shape}: it is "
                    f"the state of another net"
                )
        named.update(named_weights(blob, own, rewritten))
    return named
