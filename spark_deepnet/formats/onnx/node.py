"""What the reader of an operator gets: the node of the file, its inputs, and where its layers go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.reading import Reading, Weights
from spark_deepnet.formats.onnx.spec import NodeSpec
from spark_deepnet.formats.onnx.values import Const, Operand, Table, Tensor, Tokens, Within
from spark_deepnet.layers.layer import Layer

MAX_ROW_NUMBERS = 1 << 27
IGNORED = frozenset({"spatial", "consumed_inputs", "storage_order", "saturate"})
"""Attributes that change nothing of what is read, or are checked by their reader in old versions alone."""


_KINDS = {Const: "a constant", Table: "made of the rows' lengths", Within: "made of tokens", Tokens: "made of tokens"}


class Node:
    """One node on its way into the network."""

    def __init__(self, reading: Reading, spec: NodeSpec, inputs: Sequence[Operand], used: Collection[int]) -> None:
        self.reading, self.spec, self.inputs = reading, spec, list(inputs)
        self.op, self.version, self.used = spec.op, spec.version, frozenset(used)
        self._read: set[str] = set()

    @cached_property
    def given(self) -> dict[str, Any]:
        return self.spec.attributes()

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return self.spec.defaults()

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute, its default in the operator's version, or else this one."""
        self._read.add(name)
        return self.given.get(name, self.defaults.get(name, default))

    def check_attributes(self) -> None:
        """Refuse attributes that no one has asked for and that differ from their defaults."""
        for name, value in self.given.items():
            if name not in self._read | IGNORED and value != self.defaults.get(name):
                raise self.refusal(f"the attribute {name} = {str(value)[:60]} is not supported")

    def refusal(self, why: str) -> FormatError:
        return self.spec.refusal(why)

    def has(self, k: int) -> bool:
        """Whether an input is there."""
        return k < len(self.inputs) and self.inputs[k] is not None

    def tensor(self, k: int = 0, integer: bool = False) -> Tensor:
        """An input that has numbers of every row."""
        x = self.inputs[k] if k < len(self.inputs) else None
        if not isinstance(x, Tensor):
            what = "missing" if x is None else _KINDS.get(type(x), "a part of a layer")
            raise self.refusal(f"its input {k + 1} is {what}; expected values of the network")
        if x.integer and not integer:
            raise self.refusal(f"its input {k + 1} has whole numbers, of which only lookups and casts are read")
        return x

    def const(self, k: int, name: str) -> np.ndarray:
        """An input whose numbers are known."""
        x = self.inputs[k] if k < len(self.inputs) else None
        if not isinstance(x, Const):
            if x is None:
                raise self.refusal(f"its input {k + 1} ({name}) is missing")
            raise self.refusal(
                f"its input {k + 1} ({name}) is computed by the graph; expected a constant, which constants= can bind"
            )
        if not x.fixed:
            raise self.refusal(f"its input {k + 1} ({name}) depends on the number of rows")
        return x.array

    def numbers(self, k: int, name: str) -> np.ndarray:
        """A constant input as float32."""
        array = self.const(k, name)
        if array.dtype.kind not in "fiub":
            raise self.refusal(f"its input {k + 1} ({name}) has no numbers")
        return np.asarray(array, np.float32)

    def ints(self, name: str, k: int | None = None) -> list[int] | None:
        """Whole numbers of an attribute, or of the input k that later versions have instead; None: neither."""
        if k is not None and self.has(k):
            return [int(each) for each in self.const(k, name).reshape(-1)]
        value = self.attr(name)
        return None if value is None else [int(each) for each in value]

    def axis(self, axis: int, x: Tensor) -> int:
        """An axis of the file's tensor as one of its row, both counted from 0."""
        own = axis + x.rank if axis < 0 else axis
        if not 0 <= own < x.rank:
            raise self.refusal(f"axis {axis} is not one of {x}")
        if own == x.rows:
            raise self.refusal(f"axis {axis} of {x} is that of rows (N), which are computed one by one")
        return own - (own > x.rows)

    def add(self, layer: Layer, *values: Value, weights: Weights | None = None, suffix: str = "") -> Value:
        """The value of a layer over what is held of values."""
        name = f"{self.spec.name}.{suffix}" if suffix else self.spec.name
        value = self.reading.add(name, layer, weights or {}, *values)
        if prod(value.shape) > MAX_ROW_NUMBERS:
            raise self.refusal(
                f"a row of its output {value.shape} would have {prod(value.shape)} numbers; the limit is {MAX_ROW_NUMBERS}"
            )
        return value

    def channels_last(self, x: Tensor) -> Value:
        """An input as images and sequences are held here; its first axis must be that of rows."""
        if x.rows or x.single:
            raise self.refusal(f"its input is {x}; expected rows (N) as the first axis, and channels (C)")
        return self.reading.channels_last(x.value)

    def in_file_order(self, x: Tensor) -> Value:
        return self.reading.in_file_order(x.value)

    def along(self, layer: Layer, x: Tensor, **more: Any) -> Tensor:
        """A layer over single numbers: it does not matter how they are held."""
        return replace(x, value=self.add(layer, x.value, **more))
