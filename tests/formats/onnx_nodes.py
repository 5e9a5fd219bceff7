"""The node cases of the package onnx, and what reading them gives here."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.read import read
from spark_deepnet.formats.onnx.registry import operators
from tests.cases.onnx_nodes import LISTED
from tests.formats.onnx_files import scores

RTOL, ATOL = 1e-3, 1e-5
COARSE = 1e-2
"""Of numbers of 16 bits, with which this package does not compute."""


@dataclass(frozen=True)
class NodeCase:
    """A model of one node, with its inputs and what they give."""

    name: str
    op: str
    model: Any
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]

    def refusal(self, folder: Path) -> str | None:
        """Why it is not read; None if the network gives what it should, in every way to bind inputs as constants."""
        path = folder / "node.onnx"
        path.write_bytes(self.model.SerializeToString())
        refusals = [self._refusal(path, bound, names) for bound in self._bindings() for names in self._wanted()]
        return refusals[min(1, len(refusals) - 1)] if all(refusals) else None

    def _refusal(self, path: Path, bound: tuple[str, ...], names: list[str]) -> str | None:
        try:
            foreign = read(path, constants={name: self.inputs[name] for name in bound}, outputs=names)
        except FormatError as error:
            return str(error)
        feed = {name: x for name, x in self.inputs.items() if name in foreign.names and name not in bound}
        for name, y in zip(names, scores(foreign, feed, names), strict=True):
            assert _same(y, self.outputs[name]), f"{self.name}: {name} differs, with {bound} bound"
        return None

    def _bindings(self) -> Iterator[tuple[str, ...]]:
        """The inputs that are bound: none, or all but one."""
        yield ()
        if len(self.inputs) > 1:
            yield from (tuple(name for name in self.inputs if name != free) for free in self.inputs)

    def _wanted(self) -> list[list[str]]:
        names = list(self.outputs)
        return [names, names[:1], names[-1:]] if len(names) > 1 else [names]


def _same(y: np.ndarray, expected: np.ndarray) -> bool:
    """Whether scores are what is expected, with rows first."""
    ways = (np.moveaxis(expected, axis, 0) for axis in range(expected.ndim))
    right = (way.astype(np.float32).reshape(y.shape) for way in ways if way.size == y.size and len(way) == len(y))
    rtol = COARSE if expected.dtype.itemsize == 2 else RTOL
    return any(np.allclose(y, way, rtol=rtol, atol=ATOL, equal_nan=True) for way in right)


@cache
def cases() -> tuple[list[NodeCase], int]:
    """Those of one node whose operator is claimed, and the number of the other cases of one node."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the numbers that the package makes
        every = load_model_tests(kind="node")
    alone = [case for case in every if len(case.model.graph.node) == 1]
    known = operators()
    claimed = [case for case in alone if case.model.graph.node[0].op_type in known]
    claimed = [case for case in claimed if not case.model.graph.node[0].domain]
    return [_case(case) for case in claimed], len(alone) - len(claimed)


def _case(case: Any) -> NodeCase:
    graph, (inputs, outputs) = case.model.graph, case.data_sets[0]
    return NodeCase(
        case.name,
        graph.node[0].op_type,
        case.model,
        {each.name: _array(x) for each, x in zip(graph.input, inputs, strict=True)},
        {each.name: _array(y) for each, y in zip(graph.output, outputs, strict=True)},
    )


def _array(x: Any) -> np.ndarray:
    return numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x


def listed() -> dict[str, str]:
    """Case -> what the sentence that refuses it holds."""
    return {name: reason for reason, names in LISTED.items() for name in names.split()}


def counts() -> dict[str, Counter[str]]:
    """Operator -> how many cases pass, and how many are listed."""
    known, found = listed(), {op: Counter[str]() for op in operators()}
    for case in cases()[0]:
        found[case.op]["listed" if case.name in known else "passed"] += 1
    return found
