"""A graph of ONNX that grows by operators and constants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.package import onnx
from spark_deepnet.layers.layer import Shape

ROWS = "N"
"""The name of the axis of rows."""
LOWEST = np.float32(-3.4e38)
"""Stands for minus infinity: arithmetic with it gives no NaN."""


class Graph:
    """Nodes, initializers, inputs and outputs; tensors and nodes are named after the layer in ``scope``."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.whole: set[str] = set()
        """Tensors of tokens, which are int64."""
        self.scope = ""
        self._taken: set[str] = set()
        self._constants: dict[tuple[Any, ...], str] = {}
        self._ops: dict[tuple[Any, ...], str] = {}

    def reserve(self, *names: str) -> None:
        """Keep these names for inputs and outputs."""
        self._taken.update(names)

    def unique(self, name: str) -> str:
        new, number = name, 1
        while new in self._taken:
            number += 1
            new = f"{name}_{number}"
        self._taken.add(new)
        return new

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator; the name of its first output, or of all where ``outputs`` asks for several."""
        name = self.unique(f"{self.scope}/{kind}")
        made = [name, *(self.unique(f"{name}:{k}") for k in range(1, outputs))]
        self.nodes.append(onnx("helper").make_node(kind, list(inputs), made, name=name, **attributes))
        return made[0] if outputs == 1 else made

    def once(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The same operator over the same inputs is added once."""
        key = (kind, inputs, tuple(sorted(attributes.items())))
        if key not in self._ops:
            self._ops[key] = self.op(kind, *inputs, **attributes)
        return self._ops[key]

    def constant(self, values: Any, name: str = "constant") -> str:
        """An initializer: whole numbers are int64, all else float32. Equal ones, such as shared weights, are one."""
        array = np.asarray(values)
        array = np.ascontiguousarray(array, np.int64 if array.dtype.kind in "iu" else np.float32).reshape(array.shape)
        key = (array.dtype.str, array.shape, hashlib.blake2b(array.data).digest())
        if key not in self._constants:
            self._constants[key] = self.unique(f"{self.scope}/{name}")
            self.initializers.append(onnx("numpy_helper").from_array(array, self._constants[key]))
        return self._constants[key]

    def integers(self, values: Sequence[int]) -> str:
        return self.constant(np.array(values, np.int64), "shape")

    def input(self, name: str, shape: Shape, whole: bool = False) -> str:
        """An input of rows of this shape; whole: of int64."""
        kind = onnx().TensorProto.INT64 if whole else onnx().TensorProto.FLOAT
        self.inputs.append(onnx("helper").make_tensor_value_info(name, kind, [ROWS, *shape]))
        if whole:
            self.whole.add(name)
        return name

    def output(self, name: str, tensor: str, shape: Shape, whole: bool = False) -> None:
        """Give a tensor, whose rows have this shape, as an output; the name has been reserved."""
        kind = onnx().TensorProto.INT64 if whole else onnx().TensorProto.FLOAT
        self.nodes.append(onnx("helper").make_node("Identity", [tensor], [name], name=self.unique(f"{name}/Identity")))
        self.outputs.append(onnx("helper").make_tensor_value_info(name, kind, [ROWS, *shape]))
